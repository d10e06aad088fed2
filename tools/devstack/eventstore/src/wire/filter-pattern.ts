/** A pattern that the language of filters has, and this server does not. */
export class UnsupportedPatternError extends Error {
  constructor(part: string, pattern: string) {
    super(`the filter pattern '${pattern}' uses '${part}', which is .NET regular expression syntax not supported by the embedded server`);
  }
}

const WORD = '\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}';
const SPACE = '\\f\\n\\r\\t\\v\\x85\\p{Z}';
const AFTER_WORD = `(?<=[${WORD}])`;
const NOT_AFTER_WORD = `(?<![${WORD}])`;
const BEFORE_WORD = `(?=[${WORD}])`;
const NOT_BEFORE_WORD = `(?![${WORD}])`;
/** The end, or before a line feed that ends the text. */
const END = '(?=\\n?(?![\\s\\S]))';

const SETS: Record<string, string> = {
  d: '\\p{Nd}', D: '\\P{Nd}', w: `[${WORD}]`, W: `[^${WORD}]`, s: `[${SPACE}]`, S: `[^${SPACE}]`,
};
const PLACES: Record<string, string> = {
  A: '(?<![\\s\\S])', z: '(?![\\s\\S])', Z: END,
  b: `(?:${AFTER_WORD}${NOT_BEFORE_WORD}|${NOT_AFTER_WORD}${BEFORE_WORD})`,
  B: `(?:${AFTER_WORD}${BEFORE_WORD}|${NOT_AFTER_WORD}${NOT_BEFORE_WORD})`,
};
const CHARACTERS: Record<string, string> = { t: '\\t', n: '\\n', r: '\\r', f: '\\f', v: '\\v', a: '\\x07', e: '\\x1b' };

const LONG_ESCAPE = /\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|c[a-z]|0(?![0-7]))/iy;
const CATEGORY = /\\[pP]\{(?:L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfson]?)\}/y;
const REFERENCE = /\\(?:[1-9](?!\d)|k<\w+>)/y;
const GROUP = /\((?!\?)|\(\?(?:[:=!]|<[=!]|<[a-z_]\w*>|-?i:)/iy;
const QUANTIFIER = /\{\d+(?:,\d*)?\}/y;
const NAMED_GROUP = /\(\?<[a-z_]/i;

const literal = (character: string): string =>
  /[^\w\u0080-\u{10ffff}]/u.test(character) ? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}` : character;

/** Rewrites a .NET regular expression, which filters are, as the JavaScript one that matches the same. */
class Translation {
  private index = 0;
  private output = '';

  constructor(private readonly pattern: string) {}

  run(): RegExp {
    const ignoresCase = this.pattern.startsWith('(?i)');
    if (ignoresCase) this.index = 4;
    while (this.index < this.pattern.length) this.output += this.next();
    return new RegExp(this.output, ignoresCase ? 'iv' : 'v');
  }

  private next(): string {
    const character = this.pattern.charAt(this.index);
    if (character === '\\') return this.escape();
    if (character === '[') return this.characterClass();
    if (character === '(') return this.take(GROUP) ?? this.unsupported(this.pattern.slice(this.index, this.index + 4));
    if (character === '{') return this.take(QUANTIFIER) ?? this.one(literal(character));
    if (character === '$') return this.one(END);
    if (character === '.') return this.one('[^\\n]');
    return this.one(')|*+?^'.includes(character) ? character : literal(character));
  }

  private escape(): string {
    const reference = this.take(REFERENCE);
    if (reference !== undefined) {
      // Groups with names have other numbers there.
      return /\d/.test(reference) && NAMED_GROUP.test(this.pattern) ? this.unsupported(`${reference} beside named groups`) : reference;
    }
    const place = PLACES[this.pattern.charAt(this.index + 1)];
    return place === undefined ? this.escapedCharacter() : this.two(place);
  }

  private escapedCharacter(): string {
    const long = this.take(LONG_ESCAPE) ?? this.take(CATEGORY);
    if (long !== undefined) return long;
    const name = this.pattern.charAt(this.index + 1);
    if (/[pPG\d]/.test(name)) return this.unsupported(`\\${name}`);
    const known = SETS[name] ?? CHARACTERS[name];
    if (known !== undefined) return this.two(known);
    if (name === '' || /\w/.test(name)) throw new SyntaxError(`'\\${name}' is no escape sequence`);
    return this.two(literal(name));
  }

  private characterClass(): string {
    let output = this.one('[');
    if (this.pattern.charAt(this.index) === '^') output += this.one('^');
    let mayBeginRange = false;
    for (let first = true; first || this.pattern.charAt(this.index) !== ']'; first = false) {
      if (this.index >= this.pattern.length) throw new SyntaxError('a character class is not closed');
      const isRange: boolean = mayBeginRange && /^-[^\][]/.test(this.pattern.slice(this.index, this.index + 2));
      if (isRange) output += this.one('-');
      const member = this.classMember();
      output += member;
      mayBeginRange = !isRange && !member.startsWith('[') && !/^\\p/i.test(member);
    }
    return output + this.one(']');
  }

  private classMember(): string {
    const rest = this.pattern.slice(this.index, this.index + 2);
    if (rest === '-[') return this.unsupported(rest);
    if (rest === '\\b') return this.two('\\b');
    return rest.startsWith('\\') ? this.escapedCharacter() : this.one(literal(rest.charAt(0)));
  }

  private take(expression: RegExp): string | undefined {
    expression.lastIndex = this.index;
    const text = expression.exec(this.pattern)?.[0];
    if (text !== undefined) this.index += text.length;
    return text;
  }

  private one(output: string): string {
    this.index += 1;
    return output;
  }

  private two(output: string): string {
    this.index += 2;
    return output;
  }

  private unsupported(part: string): never {
    throw new UnsupportedPatternError(part, this.pattern);
  }
}

/**
 * @throws UnsupportedPatternError for what JavaScript has not.
 * @throws SyntaxError when it is no regular expression.
 */
export const filterPattern = (pattern: string): RegExp => new Translation(pattern).run();
