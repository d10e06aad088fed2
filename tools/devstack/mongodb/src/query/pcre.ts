import { MongoError } from '../errors';

const START = '(?<![\\s\\S])';
const END = '(?![\\s\\S])';
/** The end, or before a line feed that ends the text. */
const LAST = `(?=\\n?${END})`;
const LINE_START = `(?:${START}|(?<=\\n)(?=[\\s\\S]))`;
const LINE_END = '(?![^\\n])';

/** Escapes that JavaScript has with another meaning, or not at all; as members of a character class. */
const SETS: Record<string, string> = {
  s: '\\t-\\r ', S: '\\0-\\x08\\x0e-\\x1f!-\\uffff', h: '\\t \\xa0\\u1680\\u180e\\u2000-\\u200a\\u202f\\u205f\\u3000', v: '\\n-\\r\\x85\\u2028\\u2029',
};
const POSIX: Record<string, string> = {
  digit: '0-9', alpha: 'A-Za-z', alnum: '0-9A-Za-z', upper: 'A-Z', lower: 'a-z', space: '\\t-\\r ', xdigit: '0-9A-Fa-f', word: '\\w',
};
const PLACES: Record<string, string> = { A: START, z: END, Z: LAST, b: '\\b', B: '\\B', N: '[^\\n]' };
const CHARACTERS: Record<string, string> = { d: '\\d', D: '\\D', w: '\\w', W: '\\W', n: '\\n', r: '\\r', t: '\\t', f: '\\f', a: '\\x07', e: '\\x1b' };

const LONG_ESCAPE = /\\(?:x[0-9a-f]{2}|c[a-z]|0(?!\d))/iy;
const CODE = /\\x\{([0-9a-f]{1,4})\}/iy;
const REFERENCE = /\\(?:[1-9](?!\d)|k<\w+>)/y;
const QUOTE = /\\Q([\s\S]*?)(?:\\E|$)/y;
const GROUP = /\((?![?*])|\(\?(?:[:=!]|<[=!]|<[a-z_]\w*>)/iy;
const QUANTIFIER = /(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})([?+]?)/y;
const POSIX_CLASS = /\[:(\w+):\]/y;

const quoted = (text: string): string => text.replace(/[^\w\u0080-\uffff]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** Rewrites a PCRE expression as the JavaScript one that matches the same. */
class Translation {
  private index = 0;
  private output = '';
  /** The growth of each group that is open; the first is the whole pattern. */
  private readonly open = [0];
  /** The growth of the group that has just been closed. */
  private closed: number | undefined;
  private choices = 0;

  constructor(
    private readonly pattern: string,
    private readonly flags: Set<string>,
  ) {}

  run(): Translated {
    while (this.index < this.pattern.length) this.output += this.next();
    const { output, choices } = this;
    const isAnchored = this.output.startsWith('^') && choices === 0;
    return { source: output, choices, growth: (this.open[0] ?? 0) + (isAnchored ? 0 : 1) };
  }

  /** Every place where there is a choice multiplies the work by the length of the text, at most. */
  private grow(by: number): void {
    this.open[this.open.length - 1] = (this.open.at(-1) ?? 0) + by;
  }

  private next(): string {
    const quantifier = this.take(QUANTIFIER);
    if (quantifier) return this.quantifier(quantifier);
    this.closed = undefined;
    const character = this.pattern.charAt(this.index);
    if (character === '\\') return this.escape();
    if (character === '[') return this.characterClass();
    if (character === '(') return this.group();
    if (character === ')') return this.close();
    if (character === '|') return this.choice();
    return this.skip(1, this.place(character) ?? character);
  }

  private place(character: string): string | undefined {
    const lines = this.flags.has('m');
    if (character === '$') return lines ? LINE_END : LAST;
    if (character === '^') return lines ? LINE_START : '^';
    return character === '.' && !this.flags.has('s') ? '[^\\n]' : undefined;
  }

  private group(): string {
    const group = this.take(GROUP)?.[0] ?? this.unsupported(this.pattern.slice(this.index, this.index + 4));
    this.open.push(0);
    return group;
  }

  private close(): string {
    this.closed = this.open.length > 1 ? this.open.pop() : 0;
    this.grow(this.closed ?? 0);
    return this.skip(1, ')');
  }

  private choice(): string {
    this.choices += 1;
    this.grow(1);
    return this.skip(1, '|');
  }

  private quantifier([text, least, comma, most, mode]: RegExpExecArray): string {
    if (mode === '+') return this.unsupported(text);
    const endless = /^[*+]/.test(text) || (comma !== undefined && most === '');
    const rounds = endless ? Infinity : Number(most || least || 1);
    // What has a choice inside has it in each round.
    this.grow(this.closed ? rounds * this.closed + 1 : 1);
    this.closed = undefined;
    return text;
  }

  private escape(): string {
    const quote = this.take(QUOTE);
    if (quote) return quoted(quote[1] ?? '');
    const reference = this.take(REFERENCE);
    if (reference) {
      this.grow(1);
      return reference[0];
    }
    const name = this.pattern.charAt(this.index + 1);
    const place = PLACES[name];
    if (place !== undefined) return this.skip(2, place);
    const set = SETS[name];
    return set === undefined ? this.character() : this.skip(2, `[${set}]`);
  }

  /** An escape that stands for the same inside and outside of a class. */
  private character(): string {
    const code = this.take(CODE)?.[1];
    if (code !== undefined) return `\\u${code.padStart(4, '0')}`;
    const long = this.take(LONG_ESCAPE)?.[0];
    if (long !== undefined) return long;
    const name = this.pattern.charAt(this.index + 1);
    const known = CHARACTERS[name];
    if (known !== undefined) return this.skip(2, known);
    return /[A-Za-z0-9]/.test(name) ? this.unsupported(`\\${name}`) : this.skip(2, `\\${name}`);
  }

  private characterClass(): string {
    let output = this.skip(1, '[');
    if (this.pattern.charAt(this.index) === '^') output += this.skip(1, '^');
    for (let first = true; first || this.pattern.charAt(this.index) !== ']'; first = false) {
      if (this.index >= this.pattern.length) throw new SyntaxError('missing terminating ] for character class');
      output += this.member();
    }
    return output + this.skip(1, ']');
  }

  private member(): string {
    const posix = this.take(POSIX_CLASS);
    if (posix) return POSIX[posix[1] ?? ''] ?? this.unsupported(posix[0]);
    const character = this.pattern.charAt(this.index);
    if (character === '[' && /[:.=]/.test(this.pattern.charAt(this.index + 1))) return this.unsupported(this.pattern.slice(this.index, this.index + 3));
    if (character !== '\\') return this.skip(1, character === ']' ? '\\]' : character);
    const name = this.pattern.charAt(this.index + 1);
    if (name === 'b') return this.skip(2, '\\x08');
    const set = SETS[name];
    return set === undefined ? this.character() : this.skip(2, set);
  }

  private take(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.index;
    const found = expression.exec(this.pattern) ?? undefined;
    if (found) this.index += found[0].length;
    return found;
  }

  private skip(length: number, output: string): string {
    this.index += length;
    return output;
  }

  private unsupported(part: string): never {
    throw new MongoError(51091, `Regular expression is invalid: '${part}' is not supported by the embedded development server`);
  }
}

/** A pattern for JavaScript, and what is known of the work that it makes. */
export interface Translated {
  readonly source: string;
  /** How many `|` it has. */
  readonly choices: number;
  /** The work is at most the length of the text to this power; Infinity where choices are repeated without end. */
  readonly growth: number;
}

/** Throws a MongoError for what JavaScript has not. Throws a SyntaxError when it is no expression. */
export const translatePcre = (pattern: string, flags: Set<string>): Translated => new Translation(pattern, flags).run();
