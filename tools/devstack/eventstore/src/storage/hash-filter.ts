const FIRST_LAYER_BITS = 2 ** 23;
const GROWTH = 4;
/** With these two, one answer in a hundred is a needless yes. */
const BITS_PER_HASH = 10;
const PROBES = 7;

/**
 * Which hashes of 53 bits were added: a no is certain, a yes is not (a Bloom filter). A megabyte for the first 800,000,
 * and a larger layer whenever that is full.
 */
export class HashFilter {
  private readonly layers = [new Layer(FIRST_LAYER_BITS)];

  has(hash: number): boolean {
    return this.layers.some((layer) => layer.has(hash));
  }

  add(hash: number): void {
    if (this.has(hash)) return;
    const [newest] = this.layers;
    if (newest?.hasRoom) newest.add(hash);
    else this.grow((newest?.bits ?? FIRST_LAYER_BITS) * GROWTH).add(hash);
  }

  private grow(bits: number): Layer {
    const layer = new Layer(bits);
    this.layers.unshift(layer);
    return layer;
  }
}

class Layer {
  private readonly words: Uint32Array;
  private count = 0;

  constructor(readonly bits: number) {
    this.words = new Uint32Array(bits / 32);
  }

  get hasRoom(): boolean {
    return this.count < this.bits / BITS_PER_HASH;
  }

  has(hash: number): boolean {
    const step = stepOf(hash);
    for (let probe = 0, bit = hash >>> 0; probe < PROBES; probe++, bit = (bit + step) >>> 0) {
      const place = bit % this.bits;
      if ((((this.words[place >>> 5] ?? 0) >>> (place & 31)) & 1) === 0) return false;
    }
    return true;
  }

  add(hash: number): void {
    const step = stepOf(hash);
    for (let probe = 0, bit = hash >>> 0; probe < PROBES; probe++, bit = (bit + step) >>> 0) {
      const place = bit % this.bits;
      this.words[place >>> 5] = (this.words[place >>> 5] ?? 0) | (1 << (place & 31));
    }
    this.count++;
  }
}

/** From the upper bits of the hash; odd, so that all probes differ. */
const stepOf = (hash: number): number => Math.imul(hash / 2 ** 32, 0x9e3779b1) | 1;
