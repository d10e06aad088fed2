import { FerryError } from '@ferry/kernel';
import CircuitBreaker from 'opossum';

export interface BreakerOptions {
  /** Milliseconds that an open breaker waits before it lets one probe through. */
  readonly resetMs: number;
  /** Share of failed calls, 1 to 100, that opens it. */
  readonly errorThresholdPercentage: number;
  /** Calls within the window before it can open. */
  readonly volumeThreshold: number;
  /** Milliseconds after which a call counts as failed; false: the call brings its own deadline. */
  readonly timeoutMs: number | false;
}

export type BreakerState = 'closed' | 'open' | 'half-open';

type Call = () => Promise<unknown>;

interface Kept {
  readonly breaker: CircuitBreaker<[Call], unknown>;
  /** Milliseconds since 1970 at which it opened last, or let its probe through. */
  since: number;
}

/** One circuit breaker per key (provider + account + operation). */
export class Breakers {
  private readonly breakers = new Map<string, Kept>();

  constructor(private readonly options: BreakerOptions) {}

  /**
   * Runs the call, or refuses it at once while the breaker is open.
   * @param counts whether an error is a fault of the provider; other errors pass through and do not open the breaker
   * @throws FerryError BREAKER_OPEN with details.retryAfter, an ISO date
   */
  async run<T>(key: string, call: () => Promise<T>, counts: (error: unknown) => boolean): Promise<T> {
    const kept = this.of(key, counts);
    this.check(key);
    if (!kept.breaker.closed) kept.since = Date.now();
    return (await kept.breaker.fire(call)) as T;
  }

  /** @throws FerryError BREAKER_OPEN, as `run` would now */
  check(key: string): void {
    const retryAfter = this.openUntil(key);
    if (retryAfter === undefined) return;
    const message = `Calls of ${key} are paused after repeated faults of the provider. Try again after ${retryAfter}.`;
    throw new FerryError('BREAKER_OPEN', 'unavailable', message, { key, retryAfter });
  }

  /** ISO date at which it is worth trying again; undefined while calls are let through. */
  openUntil(key: string): string | undefined {
    const kept = this.breakers.get(key);
    // After its pause it takes one call, the probe; the others are still refused until that one has ended.
    if (!kept || kept.breaker.closed || kept.breaker.pendingClose) return undefined;
    return new Date(Math.max(kept.since + this.options.resetMs, Date.now() + 1)).toISOString();
  }

  states(): { readonly key: string; readonly state: BreakerState }[] {
    return [...this.breakers].map(([key, { breaker }]) => ({ key, state: breaker.closed ? 'closed' : breaker.opened ? 'open' : 'half-open' }));
  }

  close(): void {
    for (const { breaker } of this.breakers.values()) breaker.shutdown();
    this.breakers.clear();
  }

  private of(key: string, counts: (error: unknown) => boolean): Kept {
    const known = this.breakers.get(key);
    if (known) return known;
    const breaker = new CircuitBreaker<[Call], unknown>((call: Call) => call(), {
      timeout: this.options.timeoutMs,
      resetTimeout: this.options.resetMs,
      errorThresholdPercentage: this.options.errorThresholdPercentage,
      volumeThreshold: this.options.volumeThreshold,
      errorFilter: (error: unknown) => !counts(error),
    });
    const kept: Kept = { breaker, since: 0 };
    breaker.on('open', () => (kept.since = Date.now()));
    this.breakers.set(key, kept);
    return kept;
  }
}
