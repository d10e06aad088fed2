/** Texts of which there are few (owners, accounts, variants) as numbers. */
export class Words {
  private readonly texts: string[] = [];
  private readonly numbers = new Map<string, number>();

  constructor(private readonly max = Infinity) {}

  /** Undefined where there are too many already. */
  numberOf(text: string): number | undefined {
    const known = this.numbers.get(text);
    if (known !== undefined || this.texts.length >= this.max) return known;
    this.numbers.set(text, this.texts.length);
    return this.texts.push(text) - 1;
  }

  textOf(number: number): string {
    return this.texts[number]!;
  }
}
