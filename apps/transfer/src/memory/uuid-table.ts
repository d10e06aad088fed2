import { SlotIndex } from './slot-index';

/** Words of 32 bits in a UUID. */
export const UUID_WORDS = 4;
const UUID_LENGTH = 36;
const HEX = new Int8Array(128).fill(-1);
for (let digit = 0; digit < 16; digit += 1) HEX[digit.toString(16).charCodeAt(0)] = digit;

/** The words of a UUID in lower case; false where the text is none. */
export const wordsOf = (id: string, into: Uint32Array): boolean => {
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
export const writeUuid = (id: string, column: Uint32Array, slot: number): boolean => wordsOf(id, column.subarray(slot * UUID_WORDS, slot * UUID_WORDS + UUID_WORDS));

const DIGITS = Buffer.from('0123456789abcdef');
const text = Buffer.alloc(UUID_LENGTH, '-');

export const readUuid = (column: Uint32Array, slot: number): string => {
  let at = 0;
  for (let word = 0; word < UUID_WORDS; word += 1) {
    const bits = column[slot * UUID_WORDS + word]!;
    for (let shift = 28; shift >= 0; shift -= 4) {
      if (at === 8 || at === 13 || at === 18 || at === 23) at += 1;
      text[at] = DIGITS[(bits >>> shift) & 15]!;
      at += 1;
    }
  }
  return text.toString('latin1');
};

export const sameWords = (column: Uint32Array, slot: number, words: Uint32Array): boolean => {
  const at = slot * UUID_WORDS;
  return column[at] === words[0] && column[at + 1] === words[1] && column[at + 2] === words[2] && column[at + 3] === words[3];
};

/** Ids are hashes or random already. */
export const hashOfWords = (column: Uint32Array, slot: number): number => column[slot * UUID_WORDS]! ^ column[slot * UUID_WORDS + 3]!;

/**
 * Gives each known UUID a slot, a small number under which columns hold what is known of it. Bounded: where all slots are taken, one goes
 * that was not asked for lately (second chance). Memory is reserved at once and used as it fills: 17 bytes a slot and those of the index.
 */
export class UuidTable {
  private readonly keys: Uint32Array;
  private readonly index: SlotIndex;
  private readonly asked: Uint8Array;
  private readonly taken: Uint8Array;
  private readonly free: number[] = [];
  private readonly key = new Uint32Array(UUID_WORDS);
  private fresh = 0;
  private hand = 0;
  private count = 0;

  constructor(
    readonly capacity: number,
    private readonly onEvicted: (slot: number) => void,
  ) {
    this.keys = new Uint32Array(capacity * UUID_WORDS);
    this.index = new SlotIndex(
      capacity,
      (slot) => hashOfWords(this.keys, slot),
      (slot) => sameWords(this.keys, slot, this.key),
    );
    this.asked = new Uint8Array(capacity);
    this.taken = new Uint8Array(capacity);
  }

  get size(): number {
    return this.count;
  }

  /** The id's slot, or -1. */
  find(id: string): number {
    if (!wordsOf(id, this.key)) return -1;
    const slot = this.index.find(hashOfWords(this.key, 0));
    if (slot >= 0) this.asked[slot] = 1;
    return slot;
  }

  /** The id of a taken slot, which counts as asked for. */
  idOf(slot: number): string {
    this.asked[slot] = 1;
    return readUuid(this.keys, slot);
  }

  /** The id's slot, a new one where it has none; -1 where it is no UUID. */
  take(id: string): number {
    const known = this.find(id);
    if (known >= 0 || !wordsOf(id, this.key)) return known;
    const slot = this.free.pop() ?? (this.fresh < this.capacity ? this.fresh++ : this.evict());
    this.keys.set(this.key, slot * UUID_WORDS);
    this.index.add(slot);
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

  private clear(slot: number): void {
    this.index.remove(slot);
    this.taken[slot] = 0;
    this.count -= 1;
  }
}
