import type { StartedTestContainer } from 'testcontainers';
import { containerSettings, REAL_SERVERS, type RealServer } from './compose-servers';

export type RealServerUrls = Readonly<Record<RealServer['variable'], string>>;

export interface RealServers {
  readonly urls: RealServerUrls;
  /** Stops and removes the containers and what they stored. */
  stop(): Promise<void>;
}

interface Started {
  readonly server: RealServer;
  readonly url: string;
  readonly container: StartedTestContainer;
}

/** From the start of a container until its health check passes; an image that is not here is pulled before. */
const HEALTHY_WITHIN_MS = 180_000;

const startOne = async (server: RealServer, say: (line: string) => void): Promise<Started> => {
  const { image, command, environment, healthCheck } = containerSettings(server.name);
  say(`${server.name}: starting ${image} (pulled first where it is not here)`);
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = new GenericContainer(image)
    .withExposedPorts(server.port)
    .withEnvironment(environment)
    .withHealthCheck(healthCheck)
    .withWaitStrategy(Wait.forAll([Wait.forListeningPorts(), Wait.forHealthCheck()]))
    .withStartupTimeout(HEALTHY_WITHIN_MS);
  const started = await (command ? container.withCommand([...command]) : container).start();
  const url = server.url(`${started.getHost()}:${started.getMappedPort(server.port)}`);
  say(`${server.name}: healthy at ${url}`);
  return { server, url, container: started };
};

const stopAll = async (started: readonly Started[]): Promise<void> => {
  const outcomes = await Promise.allSettled(started.map(({ container }) => container.stop()));
  const failures = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
  if (failures.length > 0) throw new AggregateError(failures.map(({ reason }) => reason as unknown), 'a container could not be stopped');
};

/**
 * Starts NATS, EventStoreDB and MongoDB of docker-compose.yml in containers of their own, on free ports, and waits until
 * they are healthy. Where one fails, the others are stopped.
 * @param say gets a line of progress
 * @throws Error of the server that did not start
 */
export const startRealServers = async (say: (line: string) => void): Promise<RealServers> => {
  const outcomes = await Promise.allSettled(REAL_SERVERS.map((server) => startOne(server, say)));
  const started = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failed = outcomes.findIndex(({ status }) => status === 'rejected');
  if (failed >= 0) {
    await stopAll(started);
    const { reason } = outcomes[failed] as PromiseRejectedResult;
    throw new Error(`${REAL_SERVERS[failed]!.name} did not start: ${reason instanceof Error ? reason.message : String(reason)}`, { cause: reason });
  }
  const urls = Object.fromEntries(started.map(({ server, url }) => [server.variable, url])) as RealServerUrls;
  return { urls, stop: () => stopAll(started) };
};
