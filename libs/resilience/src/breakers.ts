import { FerryError } from '@ferry/kernel';
import CircuitBreaker from 'opossum';

export interface BreakerOptions {
  /** Milliseconds that an open breaker waits before it lets one probe through. */
  readonly resetMs: number;
  /** Share of failed calls, 1 to 100, that opens it. */
  readonly errorThresholdPercentage: number;
  /** Calls within the window before it can open. */
  readonly volumeThreshold: number;
}

export type BreakerState = 'closed' | 'open' | 'half-open';

/** What a call's outcome says of the provider: it answers, it is ill; undefined: nothing. */
export type Evidence = 'answers' | 'fault' | undefined;

interface Kept {
  readonly breaker: CircuitBreaker<[Evidence], void>;
  /** Milliseconds since 1970 at which it opened last, or let its probe through. */
  since: number;
  /** Its one probe is under way. */
  probing: boolean;
}

const told = (evidence: Evidence): Promise<void> => (evidence === 'fault' ? Promise.reject(new Error('a fault of the provider')) : Promise.resolve());

/** One circuit breaker per key (provider + account + operation). It hears of calls that say something of the provider, and of no others. */
export class Breakers {
  private readonly breakers = new Map<string, Kept>();

  constructor(private readonly options: BreakerOptions) {}

  /**
   * Runs the call, which brings its own deadline, or refuses it at once while the breaker is open.
   * @param says what the outcome says of the provider; a call that throws says nothing. After a probe that says nothing
   * the next call is the probe.
   * @throws FerryError BREAKER_OPEN with details.retryAfter, an ISO date
   */
  async run<T>(key: string, call: () => Promise<T>, says: (outcome: T) => Evidence): Promise<T> {
    const kept = this.of(key);
    this.check(key);
    const isProbe = !kept.breaker.closed;
    if (isProbe) Object.assign(kept, { since: Date.now(), probing: true });
    let evidence: Evidence;
    try {
      const outcome = await call();
      evidence = says(outcome);
      return outcome;
    } finally {
      if (isProbe) kept.probing = false;
      // What began before the breaker opened says nothing of the time after.
      // A fault comes back as the error that told of it.
      if (evidence && (isProbe || kept.breaker.closed)) await Promise.allSettled([kept.breaker.fire(evidence)]);
    }
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
    if (!kept || kept.breaker.closed || (kept.breaker.pendingClose && !kept.probing)) return undefined;
    return new Date(Math.max(kept.since + this.options.resetMs, Date.now() + 1)).toISOString();
  }

  states(): { readonly key: string; readonly state: BreakerState }[] {
    return [...this.breakers].map(([key, { breaker }]) => ({ key, state: breaker.closed ? 'closed' : breaker.opened ? 'open' : 'half-open' }));
  }

  close(): void {
    for (const { breaker } of this.breakers.values()) breaker.shutdown();
    this.breakers.clear();
  }

  private of(key: string): Kept {
    const known = this.breakers.get(key);
    if (known) return known;
    const { resetMs: resetTimeout, errorThresholdPercentage, volumeThreshold } = this.options;
    const breaker = new CircuitBreaker<[Evidence], void>(told, { timeout: false, resetTimeout, errorThresholdPercentage, volumeThreshold });
    const kept: Kept = { breaker, since: 0, probing: false };
    breaker.on('open', () => (kept.since = Date.now()));
    this.breakers.set(key, kept);
    return kept;
  }
}
