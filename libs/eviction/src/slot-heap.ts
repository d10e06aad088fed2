/** Children of a place: they lie side by side in memory, so a wide heap waits for memory less often than a binary one. */
const WIDTH = 4;
const NOWHERE = -1;

/**
 * A heap of small numbers ("slots"), the lowest rank first, in which one in the middle moves or goes in O(log n). Ranks lie in
 * the order of the heap and not with what they are of: among a million, memory that is far away would cost more than the work.
 */
export class SlotHeap {
  private readonly slots: number[] = [];
  private readonly ranks: number[] = [];
  private readonly places: number[] = [];

  /** @param isBefore of two different slots of one rank; a strict total order */
  constructor(private readonly isBefore: (slot: number, other: number) => boolean) {}

  get first(): number | undefined {
    return this.slots[0];
  }

  has(slot: number): boolean {
    return (this.places[slot] ?? NOWHERE) !== NOWHERE;
  }

  /** Adds the slot, or moves it. */
  set(slot: number, rank: number): void {
    const known = this.has(slot);
    const place = this.rise(slot, rank, known ? this.places[slot]! : this.slots.length);
    if (known) this.sink(slot, rank, place);
  }

  /** One that is not in changes nothing. */
  remove(slot: number): void {
    if (!this.has(slot)) return;
    const place = this.places[slot]!;
    this.places[slot] = NOWHERE;
    const [last, rank] = [this.slots.pop()!, this.ranks.pop()!];
    if (last !== slot) this.sink(last, rank, this.rise(last, rank, place));
  }

  /** Towards the front, from a place that is free for it. @returns its place */
  private rise(slot: number, rank: number, from: number): number {
    let place = from;
    while (place > 0) {
      const above = Math.floor((place - 1) / WIDTH);
      if (!this.precedes(slot, rank, above)) break;
      this.put(this.slots[above]!, this.ranks[above]!, place);
      place = above;
    }
    this.put(slot, rank, place);
    return place;
  }

  private sink(slot: number, rank: number, from: number): void {
    let place = from;
    for (;;) {
      const below = this.firstBelow(place);
      if (below >= this.slots.length || this.precedes(slot, rank, below)) break;
      this.put(this.slots[below]!, this.ranks[below]!, place);
      place = below;
    }
    this.put(slot, rank, place);
  }

  /** The first of a place's children; beyond the end where it has none. */
  private firstBelow(place: number): number {
    const from = WIDTH * place + 1;
    const end = Math.min(from + WIDTH, this.slots.length);
    let first = from;
    for (let other = from + 1; other < end; other += 1) if (this.precedes(this.slots[other]!, this.ranks[other]!, first)) first = other;
    return first;
  }

  private precedes(slot: number, rank: number, place: number): boolean {
    const other = this.ranks[place]!;
    return rank === other ? this.isBefore(slot, this.slots[place]!) : rank < other;
  }

  private put(slot: number, rank: number, place: number): void {
    this.slots[place] = slot;
    this.ranks[place] = rank;
    this.places[slot] = place;
  }
}
