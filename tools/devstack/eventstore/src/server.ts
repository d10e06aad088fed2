import { isIP, type Socket } from 'node:net';
import { Server, ServerCredentials, type sendUnaryData } from '@grpc/grpc-js';
import { GossipService } from '@eventstore/db-client/generated/gossip_grpc_pb';
import { ServerFeaturesService } from '@eventstore/db-client/generated/serverfeatures_grpc_pb';
import { StreamsService, type IStreamsServer } from '@eventstore/db-client/generated/streams_grpc_pb';
import type { AppendResp } from '@eventstore/db-client/generated/streams_pb';
import { append, type AppendCall } from './services/append';
import { BatchAppend, type BatchAppendCall } from './services/batch-append';
import { softDelete, tombstone } from './services/delete';
import { gossip, refusedServices, supportedMethods } from './services/node-services';
import { read } from './services/read';
import { Store } from './store';
import { decodeAppend, decodeBatchAppend } from './wire/append-messages';
import { httpServer } from './wire/http';
import { listen, type Listener } from './wire/listener';
import { readingAll } from './wire/malformed';
import type { ReadCall } from './wire/outbox';
import { writeBehind } from './wire/write-behind';

export interface EndPoint {
  readonly host: string;
  readonly port: number;
}

export interface EventStoreOptions {
  /** TCP port; 0 takes any that is free. */
  readonly port: number;
  /** Where the log is kept. Created when missing; one server at a time. */
  readonly dataDir: string;
  /** A loopback address: there is no access control. Default 127.0.0.1. */
  readonly host?: string;
  /** What the gossip names, where clients come through a proxy. Default: where it listens. */
  readonly advertise?: EndPoint;
  /** How long an append in parts may take to be final, in milliseconds. Default 2000, as the real server's. */
  readonly pendingMs?: number;
}

export interface RunningEventStore {
  /** For EventStoreDBClient.connectionString. */
  readonly connectionString: string;
  readonly port: number;
  /** Ends all calls at once and closes the log. What was acknowledged is on disk already. */
  close(): Promise<void>;
}

const PENDING_MS = 2_000;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

const SERVER_OPTIONS = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': -1,
  // As the real server: a frozen client loses its connection after 20 seconds.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 10_000,
  interceptors: [writeBehind],
};

/** Frequent messages do not go through google-protobuf: they are decoded and encoded by hand. */
const encoded = (bytes: Uint8Array): Buffer => (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes));

const HOT_METHODS = {
  read: { ...StreamsService.read, responseSerialize: encoded },
  append: { ...StreamsService.append, requestDeserialize: decodeAppend },
  batchAppend: { ...StreamsService.batchAppend, requestDeserialize: decodeBatchAppend, responseSerialize: encoded },
};

type StreamsHandlers = Pick<IStreamsServer, 'delete' | 'tombstone'> & {
  read: (call: ReadCall) => void;
  append: (call: AppendCall, callback: sendUnaryData<AppendResp>) => void;
  batchAppend: (call: BatchAppendCall) => void;
};

/**
 * Starts an embedded event store that speaks EventStoreDB's gRPC protocol, for development and tests.
 * @throws when the host is no loopback address, the port is taken, or the data folder is in use.
 */
export async function startEventStore({ port, dataDir, host = '127.0.0.1', advertise, pendingMs = PENDING_MS }: EventStoreOptions): Promise<RunningEventStore> {
  if (!isLoopback(host)) throw new Error(`the embedded event store has no access control: ${host} is no loopback address`);
  const store = await Store.open(dataDir);
  const grpc = new Server(SERVER_OPTIONS);
  const http = httpServer();
  try {
    const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
    const listener = await bind(host, port, (socket) => injector.injectConnection(socket), (socket) => http.emit('connection', socket));
    addServices(grpc, store, { advertise: advertise ?? { host, port: listener.port }, pendingMs });
    const authority = host.includes(':') ? `[${host}]` : host;
    return { connectionString: `esdb://${authority}:${listener.port}?tls=false`, port: listener.port, close: closer(grpc, listener, store) };
  } catch (error) {
    grpc.forceShutdown();
    await store.close();
    throw error;
  }
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

async function bind(host: string, port: number, ...handlers: [onHttp2: (socket: Socket) => void, onHttp1: (socket: Socket) => void]): Promise<Listener> {
  try {
    return await listen(host, port, ...handlers);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot listen on ${host}:${port}: is the port taken? (${reason})`, { cause: error });
  }
}

function addServices(server: Server, store: Store, { advertise, pendingMs }: Pick<Required<EventStoreOptions>, 'advertise' | 'pendingMs'>): void {
  const streams: StreamsHandlers = {
    read: (call) => read(store, call),
    append: (call, callback) => append(store, call, callback),
    batchAppend: (call) => new BatchAppend(store, call, pendingMs).run(),
    delete: (call, callback) => softDelete(store, call, callback),
    tombstone: (call, callback) => tombstone(store, call, callback),
  };
  server.addService(readingAll({ ...StreamsService, ...HOT_METHODS }), streams);
  server.addService(ServerFeaturesService, { getSupportedMethods: supportedMethods });
  server.addService(GossipService, { read: gossip(advertise) });
  for (const { service, implementation } of refusedServices()) server.addService(service, implementation);
}

function closer(server: Server, listener: Listener, store: Store): () => Promise<void> {
  let closed = false;
  return async () => {
    if (closed) return;
    closed = true;
    // Calls that never end (subscriptions, batch appends) would keep a graceful shutdown waiting for ever.
    server.forceShutdown();
    listener.close();
    await store.close();
  };
}
