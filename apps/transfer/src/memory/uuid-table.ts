/** Words of 32 bits in a UUID. */
const WORDS = 4;
const UUID_LENGTH = 36;
const HEX = new Int8Array(128).fill(-1);
for (let digit = 0; digit < 16; digit += 1) HEX[digit.toString(16).charCodeAt(0)] = digit;

/** The words of a UUID in lower case; false where the text is none. */
const wordsOf = (id: string, into: Uint32Array): boolean => {
  if (id.length !== UUID_LENGTH) return false;
  let digits = 0;
  for (let at = 0; at < UUID_LENGTH; at += 1) {
    const code = id.charCodeAt(at);
    if (code === 0x2d && (at === 8 || at === 13 || at === 18 || at === 23)) continue;
    const digit = code < 128 ? HEX[code]! : -1;
    if (digit < 0 || digits === 32) return false;
    const word = digits >> 3;
    into[word] = (into[word]! << 4) | digit;
    digits += 1;
  }
  return digits === 32;
};

/** A UUID as 16 bytes of a column, and back. */
export const writeUuid = (id: string, column: Uint32Array, slot: number): boolean => wordsOf(id, column.subarray(slot * WORDS, slot * WORDS + WORDS));

export const readUuid = (column: Uint32Array, slot: number): string => {
  let hex = '';
  for (let word = 0; word < WORDS; word += 1) hex += column[slot * WORDS + word]!.toString(16).padStart(8, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};

/**
 * Gives each known UUID a slot, a small number under which columns hold what is known of it. Bounded: where all slots are taken, one goes
 * that was not asked for lately (second chance). Memory is reserved at once and used as it fills: 17 bytes a slot and 8 to 16 of the index.
 */
export class UuidTable {
  private readonly keys: Uint32Array;
  /** Slot + 1; 0 is empty. Linear probing. */
  private readonly index: Uint32Array;
  private readonly asked: Uint8Array;
  private readonly taken: Uint8Array;
  private readonly mask: number;
  private readonly free: number[] = [];
  private readonly key = new Uint32Array(WORDS);
  private fresh = 0;
  private hand = 0;
  private count = 0;

  constructor(
    readonly capacity: number,
    private readonly onEvicted: (slot: number) => void,
  ) {
    const places = 2 ** Math.ceil(Math.log2(capacity * 2));
    this.mask = places - 1;
    this.keys = new Uint32Array(capacity * WORDS);
    this.index = new Uint32Array(places);
    this.asked = new Uint8Array(capacity);
    this.taken = new Uint8Array(capacity);
  }

  get size(): number {
    return this.count;
  }

  /** The id's slot, or -1. */
  find(id: string): number {
    if (!wordsOf(id, this.key)) return -1;
    const slot = this.index[this.placeOfKey()]! - 1;
    if (slot >= 0) this.asked[slot] = 1;
    return slot;
  }

  /** The id's slot, a new one where it has none; -1 where it is no UUID. */
  take(id: string): number {
    const known = this.find(id);
    if (known >= 0 || !wordsOf(id, this.key)) return known;
    const slot = this.free.pop() ?? (this.fresh < this.capacity ? this.fresh++ : this.evict());
    wordsOf(id, this.key); // an eviction probes too
    this.keys.set(this.key, slot * WORDS);
    this.index[this.placeOfKey()] = slot + 1;
    this.taken[slot] = 1;
    this.asked[slot] = 0;
    this.count += 1;
    return slot;
  }

  remove(id: string): number {
    const slot = this.find(id);
    if (slot < 0) return slot;
    this.clear(slot);
    this.free.push(slot);
    return slot;
  }

  private evict(): number {
    for (;;) {
      const slot = this.hand;
      this.hand = (this.hand + 1) % this.capacity;
      if (!this.taken[slot]) continue;
      if (this.asked[slot]) this.asked[slot] = 0;
      else {
        this.clear(slot);
        this.onEvicted(slot);
        return slot;
      }
    }
  }

  /** Takes the slot out of the index; those behind it in the same row move up, so that they are still found. */
  private clear(slot: number): void {
    this.key.set(this.keys.subarray(slot * WORDS, slot * WORDS + WORDS));
    let hole = this.placeOfKey();
    for (let place = (hole + 1) & this.mask; this.index[place]; place = (place + 1) & this.mask) {
      const home = this.homeOf(this.keys, (this.index[place]! - 1) * WORDS);
      if (((place - home) & this.mask) < ((place - hole) & this.mask)) continue;
      this.index[hole] = this.index[place]!;
      hole = place;
    }
    this.index[hole] = 0;
    this.taken[slot] = 0;
    this.count -= 1;
  }

  /** Where `key` stands in the index, or the empty place where it would. */
  private placeOfKey(): number {
    const { key, keys, index, mask } = this;
    let place = this.homeOf(key, 0);
    for (let slot = index[place]!; slot; slot = index[place]!) {
      const at = (slot - 1) * WORDS;
      if (keys[at] === key[0] && keys[at + 1] === key[1] && keys[at + 2] === key[2] && keys[at + 3] === key[3]) return place;
      place = (place + 1) & mask;
    }
    return place;
  }

  /** Ids are hashes or random already. */
  private homeOf(words: Uint32Array, at: number): number {
    return (words[at]! ^ words[at + 3]!) & this.mask;
  }
}
