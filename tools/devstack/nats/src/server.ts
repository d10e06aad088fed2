import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, isIPv4, type Server, type Socket } from 'node:net';
import { ClientConnection } from './client-connection';
import { DEFAULT_LIMITS, type Limits } from './limits';
import { Router } from './router';
import { StartError } from './start-error';

export interface NatsOptions {
  /** 0 takes a free one. */
  port: number;
  /** An IPv4 loopback address; default 127.0.0.1. */
  host?: string;
  limits?: Partial<Limits>;
}

export interface NatsServer {
  /** `nats://127.0.0.1:PORT` */
  connectionString: string;
  port: number;
  /** Subscriptions and connections of this moment. */
  status(): { connections: number; hasSubscriptions: boolean };
  /** Sends every client what is left for it and closes: within half a second, also when a client does not read. */
  close(): Promise<void>;
}

/** The version whose core protocol is spoken here; clients look at it to know what they may use. */
const PROTOCOL_VERSION = '2.9.10';

/**
 * An embedded NATS core server for development and tests: subjects, wildcards, queue groups, headers, no responders.
 * No JetStream (a request to it gets "no responders"), no accounts, no clustering, no TLS, loopback only.
 * @throws {StartError}
 */
export async function startNats({ port, host = '127.0.0.1', limits }: NatsOptions): Promise<NatsServer> {
  checkAddress(host, port);
  const clients = new Clients({ ...DEFAULT_LIMITS, ...limits });
  const server = createServer((socket) => clients.accept(socket));
  await listen(server, host, port);
  const bound = (server.address() as AddressInfo).port;
  let closed: Promise<unknown> | undefined;
  return {
    connectionString: `nats://${host}:${bound}`,
    port: bound,
    status: () => clients.status(),
    close: async () => {
      closed ??= once(server.close(), 'close');
      clients.close();
      await closed;
    },
  };
}

function checkAddress(host: string, port: number): void {
  if (!isIPv4(host) || !host.startsWith('127.')) {
    throw new StartError('HOST_NOT_LOOPBACK', `the embedded NATS server binds to 127.x.x.x only, not to "${host}"`);
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new StartError('PORT_INVALID', `the port must be a whole number from 0 to 65535, not "${port}"`);
  }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') {
      throw new StartError('LISTEN_FAILED', `cannot listen on ${host}:${port}: ${(cause as Error).message}`, { cause });
    }
    const advice = 'stop what listens there, or choose another port';
    throw new StartError('PORT_TAKEN', `port ${port} on ${host} is taken: ${advice}`, { cause });
  }
}

class Clients {
  private readonly router = new Router();
  private readonly connections = new Set<ClientConnection>();
  private readonly serverId = `N${randomBytes(28).toString('hex').slice(0, 55).toUpperCase()}`;
  private accepted = 0;

  constructor(private readonly limits: Limits) {}

  accept(socket: Socket): void {
    const connection = new ClientConnection(socket, this.router, this.limits);
    connection.sendInfo(this.info(socket));
    if (this.connections.size >= this.limits.maxConnections) {
      connection.close('maximum connections exceeded');
      return;
    }
    this.connections.add(connection);
    socket.once('close', () => this.connections.delete(connection));
  }

  status(): { connections: number; hasSubscriptions: boolean } {
    return { connections: this.connections.size, hasSubscriptions: this.router.hasSubscriptions() };
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }

  private info(socket: Socket): Record<string, unknown> {
    this.accepted += 1;
    return {
      server_id: this.serverId,
      server_name: 'embedded-development-server',
      version: PROTOCOL_VERSION,
      proto: 1,
      host: socket.localAddress,
      port: socket.localPort,
      headers: true,
      max_payload: this.limits.maxPayload,
      client_id: this.accepted,
      client_ip: socket.remoteAddress,
    };
  }
}
