import { collectDefaultMetrics, Gauge, register } from 'prom-client';

export { Counter, Gauge, Histogram } from 'prom-client';
export const metrics = register;

/** Process metrics and the service's name on every series; once per process. */
export const startMetrics = (service: string): void => {
  metrics.setDefaultLabels({ service });
  collectDefaultMetrics();
};

/** Sets one series' value. */
export type SetSeries = (labels: Readonly<Record<string, string>>, value: number) => void;

/** A gauge whose series are read when /metrics is asked. */
export const gaugeOf = (name: string, help: string, labelNames: readonly string[], collect: (set: SetSeries) => void): void => {
  const read = (): void => {
    // A series that is not set now is no more.
    made.reset();
    collect((labels, value) => made.set(labels, value));
  };
  const made: Gauge = new Gauge({ name, help, labelNames: [...labelNames], collect: read });
};
