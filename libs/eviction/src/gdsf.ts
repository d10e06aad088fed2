import type { EvictableFile } from './policy';
import { RankedPolicy } from './ranked-policy';

/**
 * Greedy-Dual-Size with Frequency (L. Cherkasova, "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching
 * Policy", HP Labs HPL-98-69R1, 1998): the lowest L + frequency × cost / size first. L is the priority of the last file that
 * `next` named, so files that were used often long ago grow old. Equal ones: least recently used first. O(log n).
 */
export class GdsfPolicy extends RankedPolicy {
  private readonly frequencies: number[] = [];
  /** Cost per byte. */
  private readonly worths: number[] = [];
  private readonly priorities: number[] = [];
  private clock = 0;

  protected override rankOf(slot: number): number {
    return this.priorities[slot]!;
  }

  protected override came(slot: number, { sizeBytes, cost = 1 }: EvictableFile, isNew: boolean): void {
    this.worths[slot] = cost / Math.max(1, sizeBytes);
    if (!isNew) return;
    this.frequencies[slot] = 0;
    this.used(slot);
  }

  protected override used(slot: number): void {
    this.frequencies[slot]! += 1;
    this.priorities[slot] = this.clock + this.frequencies[slot]! * this.worths[slot]!;
  }

  /** One that was held for long may be below what L has reached. */
  protected override named(slot: number): void {
    this.clock = Math.max(this.clock, this.priorities[slot]!);
  }
}
