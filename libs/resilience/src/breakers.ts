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

type Call = () => Promise<unknown>;

/** One circuit breaker per key (provider + account + operation). */
export class Breakers {
  private readonly breakers = new Map<string, CircuitBreaker<[Call], unknown>>();

  constructor(private readonly options: BreakerOptions) {}

  /**
   * Runs the call, or refuses it at once while the breaker is open.
   * @param counts whether an error is a fault of the provider; other errors pass through and do not open the breaker
   * @throws FerryError BREAKER_OPEN with details.retryAfterMs
   */
  async run<T>(key: string, call: () => Promise<T>, counts: (error: unknown) => boolean): Promise<T> {
    const breaker = this.of(key, counts);
    // After its pause it takes one call, the probe; the others are still refused until that one has ended.
    if (!breaker.closed && !breaker.pendingClose) {
      const details = { key, retryAfterMs: this.options.resetMs };
      throw new FerryError('BREAKER_OPEN', 'unavailable', `Calls to ${key} are paused after repeated faults. Try again later.`, details);
    }
    return (await breaker.fire(call)) as T;
  }

  close(): void {
    for (const breaker of this.breakers.values()) breaker.shutdown();
    this.breakers.clear();
  }

  private of(key: string, counts: (error: unknown) => boolean): CircuitBreaker<[Call], unknown> {
    let breaker = this.breakers.get(key);
    if (!breaker) {
      breaker = new CircuitBreaker<[Call], unknown>((call: Call) => call(), {
        timeout: this.options.timeoutMs,
        resetTimeout: this.options.resetMs,
        errorThresholdPercentage: this.options.errorThresholdPercentage,
        volumeThreshold: this.options.volumeThreshold,
        errorFilter: (error: unknown) => !counts(error),
      });
      this.breakers.set(key, breaker);
    }
    return breaker;
  }
}
