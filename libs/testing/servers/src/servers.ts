import { startEventStore } from '@ferry/devstack/eventstore';
import { startMongo } from '@ferry/devstack/mongodb';
import { startNats } from '@ferry/devstack/nats';
import { tempDir } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

/** The three servers behind the connection strings, embedded, for one spec file. */
export interface Servers {
  readonly urls: { readonly EVENTSTORE_URL: string; readonly MONGODB_URL: string; readonly NATS_URL: string };
  /** The same data on the same port, after an interruption. */
  restartEventStore(): Promise<void>;
  /** Takes MongoDB away; what is returned brings it back, with its data and on its port. */
  stopMongo(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export const startServers = async (): Promise<Servers> => {
  const folder = await tempDir('ferry-servers-');
  const events = join(folder.path, 'events');
  const documents = join(folder.path, 'documents');
  const [first, firstMongo, nats] = await Promise.all([
    startEventStore({ port: 0, dataDir: events }),
    startMongo({ port: 0, dataDir: documents }),
    startNats({ port: 0 }),
  ]);
  let eventStore = first;
  let mongo = firstMongo;
  const mongoUrl = new URL(mongo.connectionString);
  // A service that another run left behind would find a port again, but never this database.
  mongoUrl.pathname = `/ferry-${randomUUID()}`;
  return {
    urls: { EVENTSTORE_URL: eventStore.connectionString, MONGODB_URL: mongoUrl.href, NATS_URL: nats.connectionString },
    restartEventStore: async () => {
      await eventStore.close();
      eventStore = await startEventStore({ port: first.port, dataDir: events });
    },
    stopMongo: async () => {
      await mongo.close();
      return async () => {
        mongo = await startMongo({ port: firstMongo.port, dataDir: documents });
      };
    },
    close: async () => {
      await Promise.all([eventStore.close(), mongo.close(), nats.close()]);
      await folder.remove();
    },
  };
};
