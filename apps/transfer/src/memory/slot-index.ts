/**
 * Finds the slot that holds something, by a hash: which place of a row of places a slot stands at. What a slot holds is its owner's business.
 * 8 to 16 bytes for each slot.
 */
export class SlotIndex {
  /** Slot + 1; 0 is empty. Linear probing. */
  private readonly places: Uint32Array;
  private readonly mask: number;

  /**
   * @param hashOf of what the slot holds; 32 bits
   * @param isMeant whether the slot holds what is looked for
   */
  constructor(
    capacity: number,
    private readonly hashOf: (slot: number) => number,
    private readonly isMeant: (slot: number) => boolean,
  ) {
    const places = 2 ** Math.ceil(Math.log2(capacity * 2));
    this.places = new Uint32Array(places);
    this.mask = places - 1;
  }

  /** The slot that is meant, or -1. */
  find(hash: number): number {
    return this.places[this.placeOf(hash)]! - 1;
  }

  /** Of a slot that is not in here. */
  add(slot: number): void {
    this.places[this.emptyFrom(this.hashOf(slot))] = slot + 1;
  }

  /** The slot still holds what it was added with. Those behind it in the same row move up, so that they are still found. */
  remove(slot: number): void {
    const { places, mask } = this;
    let hole = this.hashOf(slot) & mask;
    while (places[hole] !== slot + 1) {
      if (!places[hole]) return;
      hole = (hole + 1) & mask;
    }
    for (let place = (hole + 1) & mask; places[place]; place = (place + 1) & mask) {
      const home = this.hashOf(places[place]! - 1) & mask;
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      places[hole] = places[place]!;
      hole = place;
    }
    places[hole] = 0;
  }

  private placeOf(hash: number): number {
    const { places, mask, isMeant } = this;
    let place = hash & mask;
    for (let slot = places[place]!; slot && !isMeant(slot - 1); slot = places[place]!) place = (place + 1) & mask;
    return place;
  }

  private emptyFrom(hash: number): number {
    let place = hash & this.mask;
    while (this.places[place]) place = (place + 1) & this.mask;
    return place;
  }
}
