import type { EvictableFile, EvictionPolicy } from './policy';
import { SlotHeap } from './slot-heap';

/**
 * The lowest rank first; of equal ones the least recently used, then the lower asset id. A file has a slot, a small number that
 * is used again when the file is gone, and what is known of it lies in arrays by slot. O(log n).
 */
export abstract class RankedPolicy implements EvictionPolicy {
  protected readonly minutes: number[] = [];
  private readonly slots = new Map<string, number>();
  private readonly assetIds: string[] = [];
  private readonly unused: number[] = [];
  private readonly heap = new SlotHeap((slot, other) => this.isBefore(slot, other));

  get size(): number {
    return this.slots.size;
  }

  put(file: EvictableFile, minute: number): void {
    const known = this.slots.get(file.assetId);
    const slot = known ?? this.unused.pop() ?? this.assetIds.length;
    if (known === undefined) {
      this.slots.set(file.assetId, slot);
      this.assetIds[slot] = file.assetId;
      this.minutes[slot] = minute;
    }
    this.came(slot, file, known === undefined);
    if (known === undefined) this.heap.set(slot, this.rankOf(slot, file.assetId));
    else this.use(slot, file.assetId, minute);
  }

  touch(assetId: string, minute: number): void {
    const slot = this.slots.get(assetId);
    if (slot !== undefined) this.use(slot, assetId, minute);
  }

  remove(assetId: string): void {
    const slot = this.slots.get(assetId);
    if (slot === undefined) return;
    this.heap.remove(slot);
    this.slots.delete(assetId);
    this.unused.push(slot);
  }

  hold(assetId: string): void {
    const slot = this.slots.get(assetId);
    if (slot !== undefined) this.heap.remove(slot);
  }

  release(assetId: string): void {
    const slot = this.slots.get(assetId);
    if (slot !== undefined && !this.heap.has(slot)) this.heap.set(slot, this.rankOf(slot, assetId));
  }

  next(): string | undefined {
    const slot = this.heap.first;
    if (slot === undefined) return undefined;
    this.named(slot);
    return this.assetIds[slot];
  }

  /** What its minute and its uses say. */
  protected abstract rankOf(slot: number, assetId: string): number;

  /** A file came, or a known one was told of again; its use is told apart. */
  protected came(_slot: number, _file: EvictableFile, _isNew: boolean): void {}

  /** A known file was used; its minute is not changed yet. */
  protected used(_slot: number): void {}

  /** It was the answer of `next`. */
  protected named(_slot: number): void {}

  /** A clock that goes backwards makes no file's last access older. */
  private use(slot: number, assetId: string, minute: number): void {
    this.used(slot);
    this.minutes[slot] = Math.max(this.minutes[slot]!, minute);
    if (this.heap.has(slot)) this.heap.set(slot, this.rankOf(slot, assetId));
  }

  private isBefore(slot: number, other: number): boolean {
    const [minute, theirs] = [this.minutes[slot]!, this.minutes[other]!];
    return minute === theirs ? this.assetIds[slot]! < this.assetIds[other]! : minute < theirs;
  }
}
