/** Texts of which there are few (accounts, variants, who owns what) as numbers, each with what is read from it once. */
export class Words<V> {
  private readonly values: V[] = [];
  private readonly numbers = new Map<string, number>();

  constructor(
    private readonly read: (text: string) => V,
    private readonly max = Infinity,
  ) {}

  /** Undefined where there are too many already. */
  numberOf(text: string): number | undefined {
    const known = this.numbers.get(text);
    if (known !== undefined || this.values.length >= this.max) return known;
    this.numbers.set(text, this.values.length);
    return this.values.push(this.read(text)) - 1;
  }

  /** The number of a text that has one. */
  knownNumber(text: string): number | undefined {
    return this.numbers.get(text);
  }

  valueOf(number: number): V {
    return this.values[number]!;
  }
}
