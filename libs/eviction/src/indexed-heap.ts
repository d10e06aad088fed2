/** An entry's place in the heap; `NOWHERE` while it is in none. The heap alone writes it. */
export interface Placed {
  place: number;
}

export const NOWHERE = -1;

/** A binary heap whose entries know their places, so that one in the middle moves or goes in O(log n). */
export class IndexedHeap<Entry extends Placed> {
  private readonly entries: Entry[] = [];

  /** @param isBefore a strict total order: no two entries are equal in it */
  constructor(private readonly isBefore: (entry: Entry, other: Entry) => boolean) {}

  get first(): Entry | undefined {
    return this.entries[0];
  }

  /** Of an entry that is in no heap. */
  add(entry: Entry): void {
    this.entries.push(entry);
    this.rise(entry, this.entries.length - 1);
  }

  /** The entry's order has changed. */
  moved(entry: Entry): void {
    this.rise(entry, entry.place);
    this.sink(entry, entry.place);
  }

  remove(entry: Entry): void {
    const { place } = entry;
    entry.place = NOWHERE;
    const last = this.entries.pop()!;
    if (last === entry) return;
    last.place = place;
    this.moved(last);
  }

  /** Towards the front, from a place that is free for it. */
  private rise(entry: Entry, from: number): void {
    const { entries } = this;
    let place = from;
    while (place > 0) {
      const above = entries[(place - 1) >> 1]!;
      if (!this.isBefore(entry, above)) break;
      this.put(above, place);
      place = (place - 1) >> 1;
    }
    this.put(entry, place);
  }

  private sink(entry: Entry, from: number): void {
    const { entries } = this;
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      if (left >= entries.length) break;
      const right = left + 1;
      const below = right < entries.length && this.isBefore(entries[right]!, entries[left]!) ? entries[right]! : entries[left]!;
      if (!this.isBefore(below, entry)) break;
      const next = below.place;
      this.put(below, place);
      place = next;
    }
    this.put(entry, place);
  }

  private put(entry: Entry, place: number): void {
    this.entries[place] = entry;
    entry.place = place;
  }
}
