import { tempDir } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { eventStoreServer, mongoServer, natsServer, type ServerVariable } from './test-server';

/** The three servers behind the connection strings, for one spec file. */
export interface Servers {
  readonly urls: { readonly EVENTSTORE_URL: string; readonly MONGODB_URL: string; readonly NATS_URL: string };
  /** The same data on the same port, after an interruption. */
  restartEventStore(): Promise<void>;
  /** Takes a server away; what is returned brings it back, with its data and on its port. */
  stop(variable: ServerVariable): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export const startServers = async (): Promise<Servers> => {
  const folder = await tempDir('ferry-servers-');
  const [eventStore, mongo, nats] = await Promise.all([
    eventStoreServer(join(folder.path, 'events')),
    mongoServer(join(folder.path, 'documents')),
    natsServer(),
  ]);
  const mongoUrl = new URL(mongo.url);
  // A service that another run left behind would find a port again, but never this database.
  mongoUrl.pathname = `/ferry-${randomUUID()}`;
  return {
    urls: { EVENTSTORE_URL: eventStore.url, MONGODB_URL: mongoUrl.href, NATS_URL: nats.url },
    restartEventStore: async () => {
      await eventStore.stop();
      await eventStore.start();
    },
    stop: async (variable) => {
      const server = { EVENTSTORE_URL: eventStore, MONGODB_URL: mongo, NATS_URL: nats }[variable];
      await server.stop();
      return () => server.start();
    },
    close: async () => {
      await Promise.all([eventStore.stop(), mongo.stop(), nats.stop()]);
      await folder.remove();
    },
  };
};
