import { collectDefaultMetrics, register } from 'prom-client';

export { Counter, Gauge, Histogram } from 'prom-client';
export const metrics = register;

/** Process metrics and the service's name on every series; once per process. */
export const startMetrics = (service: string): void => {
  metrics.setDefaultLabels({ service });
  collectDefaultMetrics();
};
