import { createServer, type Server, type Socket } from 'node:net';
import { type Doc } from './bson/values';
import { dispatch } from './commands/dispatch';
import { Cursors } from './storage/cursors';
import { Store } from './storage/store';
import { removeExpired } from './storage/ttl';
import { serveConnection } from './wire/connection';
import type { Message } from './wire/messages';
import { Turns } from './wire/turns';

export interface MongoOptions {
  /** 0 takes any free port. */
  port: number;
  /** Folder of the data; made if it is not there. One server at a time. */
  dataDir: string;
  /** Default: `127.0.0.1`. */
  host?: string;
  /** How often TTL indexes remove what expired, in milliseconds. Default: a minute, as MongoDB does. */
  ttlIntervalMs?: number;
}

export interface RunningMongo {
  connectionString: string;
  port: number;
  /** Ends all connections and closes the data. What was answered is kept. */
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 2000;
const TTL_INTERVAL_MS = 60_000;
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/** Starts an embedded MongoDB-compatible server for development and tests. Throws if the port or the folder is taken. */
export async function startMongo({ port, dataDir, host = '127.0.0.1', ttlIntervalMs = TTL_INTERVAL_MS }: MongoOptions): Promise<RunningMongo> {
  if (!LOOPBACK.has(host)) throw new Error(`the embedded server has no authentication and listens on loopback only, not on ${host}`);
  const store = Store.open(dataDir);
  const cursors = new Cursors();
  const turns = new Turns(store);
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    const connectionId = connections;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A client that goes away in the middle of a message is its own affair; `close` follows.
    socket.on('error', () => socket.destroy());
    serveConnection(socket, (message, send) => turns.add({ message, run: () => handle(message, store, cursors, connectionId), send }));
  });
  server.maxConnections = MAX_CONNECTIONS;
  try {
    await listen(server, port, host);
  } catch (error) {
    store.close();
    throw error;
  }
  const bound = portOf(server);
  const expiry = setInterval(() => {
    try {
      cursors.closeIdle();
      removeExpired(store, new Date());
    } catch (error) {
      process.stderr.write(`mongodb: cannot remove what expired: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }, ttlIntervalMs);
  return {
    connectionString: `mongodb://${host}:${bound}/?directConnection=true`,
    port: bound,
    close: async () => {
      clearInterval(expiry);
      await closeServer(server, sockets);
      store.close();
    },
  };
}

function handle({ body }: Message, store: Store, cursors: Cursors, connectionId: number): Doc {
  const [name = ''] = body.keys();
  const database = body.get('$db');
  return dispatch({
    store,
    cursors,
    name,
    body,
    database: typeof database === 'string' ? database : 'admin',
    connectionId,
    now: new Date(),
  });
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the server listens on no port');
  return address.port;
}

function closeServer(server: Server, sockets: Set<Socket>): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    for (const socket of sockets) socket.destroy();
  });
}
