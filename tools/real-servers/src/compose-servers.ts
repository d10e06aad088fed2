import { environmentOf, readCompose } from '@ferry/images';

/** What a container is started with. Times in milliseconds. */
export interface ContainerSettings {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly healthCheck: { readonly test: ['CMD', ...string[]]; readonly interval: number; readonly timeout: number; readonly retries: number };
}

/** The servers behind the three connection strings, by their names in docker-compose.yml. */
export const REAL_SERVERS = [
  { name: 'nats', port: 4222, variable: 'NATS_URL', url: (address: string) => `nats://${address}` },
  { name: 'eventstore', port: 2113, variable: 'EVENTSTORE_URL', url: (address: string) => `esdb://${address}?tls=false` },
  { name: 'mongodb', port: 27017, variable: 'MONGODB_URL', url: (address: string) => `mongodb://${address}/ferry` },
] as const;

export type RealServer = (typeof REAL_SERVERS)[number];

/** The file wants it for services that are not started here. */
const UNUSED = { CACHE_URL_SECRET: 'unused' };

const milliseconds = (time: string): number => {
  const [, seconds] = /^(\d+)s$/.exec(time) ?? [];
  if (!seconds) throw new Error(`docker-compose.yml: a time of a health check must be whole seconds, such as 3s, not ${time}`);
  return Number(seconds) * 1_000;
};

/**
 * The server as docker-compose.yml describes it.
 * @throws Error where it is not there, or has no health check of the form `['CMD', …]`
 */
export const containerSettings = (name: RealServer['name']): ContainerSettings => {
  const service = readCompose(UNUSED).services[name];
  const { test: [kind, ...command] = [], interval, timeout, retries } = service?.healthcheck ?? {};
  if (!service || kind !== 'CMD' || !interval || !timeout || !retries) {
    throw new Error(`docker-compose.yml: ${name} needs a health check with a CMD test, interval, timeout and retries`);
  }
  return {
    image: service.image,
    ...(service.command ? { command: service.command } : {}),
    environment: environmentOf(service),
    healthCheck: { test: ['CMD', ...command], interval: milliseconds(interval), timeout: milliseconds(timeout), retries },
  };
};
