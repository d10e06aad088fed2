import { IndexedHeap, NOWHERE } from './indexed-heap';
import type { EvictableFile, EvictionPolicy } from './policy';

interface Entry {
  readonly assetId: string;
  minute: number;
  place: number;
}

/**
 * Least recently used first: in the order (minute of the last access, asset id). That order depends on what is known alone,
 * not on the way it was told, so it is the same live and rebuilt from events in any order. A clock that goes backwards makes
 * no file's last access older. O(log n).
 */
export class LruPolicy implements EvictionPolicy {
  private readonly entries = new Map<string, Entry>();
  private readonly heap = new IndexedHeap<Entry>(isBefore);

  get size(): number {
    return this.entries.size;
  }

  put({ assetId }: EvictableFile, minute: number): void {
    if (this.entries.has(assetId)) return this.touch(assetId, minute);
    const entry = { assetId, minute, place: NOWHERE };
    this.entries.set(assetId, entry);
    this.heap.add(entry);
  }

  touch(assetId: string, minute: number): void {
    const entry = this.entries.get(assetId);
    if (!entry || minute <= entry.minute) return;
    entry.minute = minute;
    if (entry.place !== NOWHERE) this.heap.moved(entry);
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
    return this.heap.first?.assetId;
  }
}

const isBefore = (entry: Entry, other: Entry): boolean => (entry.minute === other.minute ? entry.assetId < other.assetId : entry.minute < other.minute);
