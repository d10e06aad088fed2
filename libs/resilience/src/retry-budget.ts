const SLICE_MS = 1_000;
const SLICES = 60;

interface Slice {
  at: number;
  calls: number;
  retries: number;
}

/**
 * Keeps retries from becoming the load that a sick provider dies of: within a minute at most `least`, or a tenth of that
 * minute's calls where that is more. Per process: replicas have a budget each.
 */
export class RetryBudget {
  private readonly slices = new Map<string, Slice[]>();

  constructor(
    private readonly least: number,
    /** Milliseconds that only grow. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  allows(key: string): boolean {
    const { calls, retries } = this.lastMinute(key);
    return retries < Math.max(this.least, calls / 10);
  }

  /** A call was made; `retry`: not the first of its run. */
  count(key: string, retry: boolean): void {
    const at = Math.floor(this.now() / SLICE_MS);
    const slices = this.slices.get(key) ?? [];
    this.slices.set(key, slices);
    let slice = slices.at(-1);
    if (slice?.at !== at) slices.push((slice = { at, calls: 0, retries: 0 }));
    slice.calls += 1;
    if (retry) slice.retries += 1;
  }

  private lastMinute(key: string): { calls: number; retries: number } {
    const slices = this.slices.get(key) ?? [];
    const oldest = Math.floor(this.now() / SLICE_MS) - SLICES;
    while (slices[0] && slices[0].at <= oldest) slices.shift();
    return slices.reduce((sum, { calls, retries }) => ({ calls: sum.calls + calls, retries: sum.retries + retries }), { calls: 0, retries: 0 });
  }
}
