/** What one vendor saw since the start, or since the counters were reset. */
export interface Counts {
  requests: number;
  /** Requests that no route answers. */
  unplanned: number;
  /** Files stored. */
  uploads: number;
  /** Files sent to their last byte. */
  downloads: number;
  bytesIn: number;
  bytesOut: number;
  /** Calls whose connection ended before the answer did. */
  aborted: number;
  /** Calls under way now. */
  open: number;
  /** Requests by operation. */
  operations: Record<string, number>;
  /** The most calls of an operation that were under way at the same time. */
  peaks: Record<string, number>;
}

const none = (open = 0): Counts => ({
  requests: 0,
  unplanned: 0,
  uploads: 0,
  downloads: 0,
  bytesIn: 0,
  bytesOut: 0,
  aborted: 0,
  open,
  operations: {},
  peaks: {},
});

export class Counters {
  private readonly counts = new Map<string, Counts>();
  private readonly underWay = new Map<string, number>();

  constructor(private readonly providers: readonly string[]) {
    for (const provider of providers) this.counts.set(provider, none());
  }

  of(provider: string): Counts {
    const counts = this.counts.get(provider);
    if (!counts) throw new Error(`No counters of ${provider}; there are ${this.providers.join(', ')}.`);
    return counts;
  }

  enter(provider: string, operation: string): void {
    const now = (this.underWay.get(`${provider}/${operation}`) ?? 0) + 1;
    this.underWay.set(`${provider}/${operation}`, now);
    const { peaks } = this.of(provider);
    peaks[operation] = Math.max(peaks[operation] ?? 0, now);
  }

  leave(provider: string, operation: string): void {
    this.underWay.set(`${provider}/${operation}`, this.underWay.get(`${provider}/${operation}`)! - 1);
  }

  all(): Record<string, Counts> {
    return Object.fromEntries(this.counts);
  }

  reset(): void {
    for (const [provider, { open }] of this.counts) this.counts.set(provider, none(open));
  }
}
