import { startEventStore } from '@ferry/devstack/eventstore';
import { startMongo } from '@ferry/devstack/mongodb';
import { startNats } from '@ferry/devstack/nats';

export type ServerVariable = 'EVENTSTORE_URL' | 'MONGODB_URL' | 'NATS_URL';

/** As the environment was before a spec changed it for the services that it starts. */
const NAMED: Readonly<Partial<Record<ServerVariable, string>>> = {
  ...(process.env['EVENTSTORE_URL'] ? { EVENTSTORE_URL: process.env['EVENTSTORE_URL'] } : {}),
  ...(process.env['MONGODB_URL'] ? { MONGODB_URL: process.env['MONGODB_URL'] } : {}),
  ...(process.env['NATS_URL'] ? { NATS_URL: process.env['NATS_URL'] } : {}),
};

/** A server that a spec works with: the one that the environment names, else an embedded one of its own. */
export interface TestServer {
  readonly url: string;
  /** Takes an own server away; a named one is left alone where the spec is over. */
  stop(): Promise<void>;
  /** Brings an own server back, with its data and on its port. */
  start(): Promise<void>;
}

interface Running {
  readonly connectionString: string;
  readonly port: number;
  close(): Promise<void>;
}

const own = async (start: (port: number) => Promise<Running>): Promise<TestServer> => {
  const first = await start(0);
  let running: Running | undefined = first;
  return {
    url: first.connectionString,
    stop: async () => {
      await running?.close();
      running = undefined;
    },
    start: async () => {
      running ??= await start(first.port);
    },
  };
};

const named = (variable: ServerVariable, url: string): TestServer => ({
  url,
  stop: async () => undefined,
  start: () => Promise.reject(new Error(`${variable} names a server that others use: a spec does not restart it`)),
});

const serverOf = async (variable: ServerVariable, start: (port: number) => Promise<Running>): Promise<TestServer> => {
  const url = NAMED[variable];
  return url ? named(variable, url) : own(start);
};

export const natsServer = (): Promise<TestServer> => serverOf('NATS_URL', (port) => startNats({ port }));
export const eventStoreServer = (dataDir: string): Promise<TestServer> => serverOf('EVENTSTORE_URL', (port) => startEventStore({ port, dataDir }));
export const mongoServer = (dataDir: string): Promise<TestServer> => serverOf('MONGODB_URL', (port) => startMongo({ port, dataDir }));

/** A case that takes a server away. Where the environment names the server, it is not the spec's to take: skipped, and says so. */
export const itWithOwn = (variable: ServerVariable, name: string, work: () => Promise<void>, timeoutMs?: number): void => {
  if (NAMED[variable]) it.skip(`${name} (${variable} names a server that others use)`, work);
  else it(name, work, timeoutMs);
};
