/** Bounds of one server. The defaults are those of nats-server. */
export interface Limits {
  /** Largest headers plus payload of one message, in bytes. */
  maxPayload: number;
  /** Longest arguments of a control line, in bytes. */
  maxControlLine: number;
  /** Output that may wait for one client, in bytes; a client that reads more slowly is closed. */
  maxPending: number;
  maxConnections: number;
  /** Silence after which the server sends PING, in milliseconds. */
  pingIntervalMs: number;
  /** Unanswered PINGs after which a connection counts as stale. */
  maxPingsOut: number;
}

export const DEFAULT_LIMITS: Limits = {
  maxPayload: 1024 * 1024,
  maxControlLine: 4096,
  maxPending: 64 * 1024 * 1024,
  maxConnections: 65_536,
  pingIntervalMs: 120_000,
  maxPingsOut: 2,
};
