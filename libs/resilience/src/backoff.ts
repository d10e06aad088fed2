export interface BackoffOptions {
  /** Milliseconds of the first wait's upper end. */
  readonly baseMs: number;
  /** No wait is longer. */
  readonly maxMs: number;
}

/** Full jitter: a random wait between 0 and the exponentially growing bound. `attempt` counts from 1. */
export const backoff = (attempt: number, { baseMs, maxMs }: BackoffOptions, random: () => number = Math.random): number =>
  Math.round(random() * Math.min(maxMs, baseMs * 2 ** (attempt - 1)));
