import { IndexedHeap, NOWHERE } from './indexed-heap';
import type { EvictableFile, EvictionPolicy } from './policy';

interface Entry {
  readonly assetId: string;
  frequency: number;
  /** Cost per byte. */
  worth: number;
  priority: number;
  minute: number;
  place: number;
}

/**
 * Greedy-Dual-Size with Frequency (L. Cherkasova, "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching
 * Policy", HP Labs HPL-98-69R1, 1998): the lowest L + frequency × cost / size first. L is the priority of the last file that
 * `next` named, so files that were used often long ago grow old. Equal ones: least recently used first. O(log n).
 */
export class GdsfPolicy implements EvictionPolicy {
  private readonly entries = new Map<string, Entry>();
  private readonly heap = new IndexedHeap<Entry>(isBefore);
  private clock = 0;

  get size(): number {
    return this.entries.size;
  }

  put({ assetId, sizeBytes, cost = 1 }: EvictableFile, minute: number): void {
    const worth = cost / Math.max(1, sizeBytes);
    const known = this.entries.get(assetId);
    if (known) {
      known.worth = worth;
      return this.used(known, minute);
    }
    const entry = { assetId, frequency: 1, worth, priority: this.clock + worth, minute, place: NOWHERE };
    this.entries.set(assetId, entry);
    this.heap.add(entry);
  }

  touch(assetId: string, minute: number): void {
    const entry = this.entries.get(assetId);
    if (entry) this.used(entry, minute);
  }

  remove(assetId: string): void {
    this.hold(assetId);
    this.entries.delete(assetId);
  }

  hold(assetId: string): void {
    const entry = this.entries.get(assetId);
    if (entry && entry.place !== NOWHERE) this.heap.remove(entry);
  }

  release(assetId: string): void {
    const entry = this.entries.get(assetId);
    if (entry?.place === NOWHERE) this.heap.add(entry);
  }

  next(): string | undefined {
    const { first } = this.heap;
    // One that was held for long may be below what L has reached.
    this.clock = Math.max(this.clock, first?.priority ?? 0);
    return first?.assetId;
  }

  private used(entry: Entry, minute: number): void {
    entry.frequency += 1;
    entry.priority = this.clock + entry.frequency * entry.worth;
    entry.minute = Math.max(entry.minute, minute);
    if (entry.place !== NOWHERE) this.heap.moved(entry);
  }
}

const isBefore = (entry: Entry, other: Entry): boolean => {
  if (entry.priority !== other.priority) return entry.priority < other.priority;
  return entry.minute === other.minute ? entry.assetId < other.assetId : entry.minute < other.minute;
};
