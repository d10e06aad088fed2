const MINUTE_MS = 60_000;
const KEPT_MINUTES = 24 * 60;

export type Counts = Map<string, number>;

/** Counts by name: of all time, and of each of the last 1,440 minutes. */
export class RecentCounts {
  private readonly total: Counts = new Map();
  private readonly byMinute = new Map<number, Counts>();

  /** @param now a clock that never goes backwards, in milliseconds */
  constructor(private readonly now: () => number) {}

  add(name: string, by: number): void {
    const minute = this.minute;
    let counts = this.byMinute.get(minute);
    if (!counts) {
      counts = new Map();
      this.byMinute.set(minute, counts);
      this.forgetOld(minute);
    }
    for (const where of [this.total, counts]) where.set(name, (where.get(name) ?? 0) + by);
  }

  /** Of the last minutes, the one that has begun included; absent: of all time. */
  of(minutes?: number): Counts {
    if (minutes === undefined) return new Map(this.total);
    const sum: Counts = new Map();
    for (const [minute, counts] of this.byMinute) {
      if (minute <= this.minute - minutes) continue;
      for (const [name, count] of counts) sum.set(name, (sum.get(name) ?? 0) + count);
    }
    return sum;
  }

  private get minute(): number {
    return Math.floor(this.now() / MINUTE_MS);
  }

  /** The oldest come first. */
  private forgetOld(minute: number): void {
    for (const old of this.byMinute.keys()) {
      if (old > minute - KEPT_MINUTES) return;
      this.byMinute.delete(old);
    }
  }
}
