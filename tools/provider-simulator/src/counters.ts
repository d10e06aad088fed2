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
});

export class Counters {
  private readonly counts = new Map<string, Counts>();

  constructor(private readonly providers: readonly string[]) {
    for (const provider of providers) this.counts.set(provider, none());
  }

  of(provider: string): Counts {
    const counts = this.counts.get(provider);
    if (!counts) throw new Error(`No counters of ${provider}; there are ${this.providers.join(', ')}.`);
    return counts;
  }

  all(): Record<string, Counts> {
    return Object.fromEntries(this.counts);
  }

  reset(): void {
    for (const [provider, { open }] of this.counts) this.counts.set(provider, none(open));
  }
}
