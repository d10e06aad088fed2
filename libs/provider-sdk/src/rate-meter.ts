/** Milliseconds after which a change of speed is two thirds in the figure. */
const SMOOTHING_MS = 2_000;

/** Bytes per second, smoothed, from readings of how many bytes there were. Times are milliseconds of one clock. */
export class RateMeter {
  private last: { readonly at: number; readonly bytes: number };
  private rate: number | undefined;

  constructor(now: number) {
    this.last = { at: now, bytes: 0 };
  }

  /** @returns bytes per second; 0 before the first reading that shows any */
  read(bytes: number, now: number): number {
    const ms = now - this.last.at;
    if (ms > 0) {
      const current = ((bytes - this.last.bytes) / ms) * 1_000;
      const weight = 1 - Math.exp(-ms / SMOOTHING_MS);
      // Nothing is smoothed out of the time before the first byte.
      if (this.rate !== undefined) this.rate += (current - this.rate) * weight;
      else if (current > 0) this.rate = current;
      this.last = { at: now, bytes };
    }
    return Math.max(0, this.rate ?? 0);
  }
}
