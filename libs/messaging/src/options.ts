import type { ConnectionOptions } from 'nats';

/** How every connection of Ferry behaves: it waits for the server and reconnects for ever; a server that vanished is noticed in 20 s. */
export const natsConnectionOptions = (url: string): ConnectionOptions => ({
  servers: url.split(','),
  reconnect: true,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 200,
  reconnectJitter: 200,
  waitOnFirstConnect: true,
  timeout: 5_000,
  pingInterval: 10_000,
  maxPingOut: 2,
});
