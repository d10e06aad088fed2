import { Decimal128 } from 'bson';

/** An exact decimal: coefficient * 10^exponent, or a special value. */
export type Decimal = { coefficient: bigint; exponent: number } | 'NaN' | 'Infinity' | '-Infinity';

const PATTERN = /^(-?)(\d+)(?:\.(\d+))?(?:E([+-]?\d+))?$/;

/** Digits that a division carries before Decimal128 rounds to 34. */
const DIVISION_DIGITS = 40;

export function parseDecimal(value: Decimal128): Decimal {
  const text = value.toString();
  if (text === 'NaN' || text === 'Infinity' || text === '-Infinity') return text;
  const match = PATTERN.exec(text);
  if (!match) throw new TypeError(`not a decimal: ${text}`);
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const digits = BigInt(whole + fraction);
  return { coefficient: sign ? -digits : digits, exponent: Number(exponent) - fraction.length };
}

export const makeDecimal = (coefficient: bigint, exponent: number): Decimal128 =>
  Decimal128.fromStringWithRounding(`${coefficient}E${exponent}`);

export const power10 = (exponent: number): bigint => 10n ** BigInt(exponent);

/** Both numbers with one exponent. */
function align(a: Exclude<Decimal, string>, b: Exclude<Decimal, string>): [bigint, bigint, number] {
  const exponent = Math.min(a.exponent, b.exponent);
  return [a.coefficient * power10(a.exponent - exponent), b.coefficient * power10(b.exponent - exponent), exponent];
}

export function compareDecimals(a: Decimal, b: Decimal): number {
  if (typeof a === 'string' || typeof b === 'string') return rank(a) - rank(b);
  const [left, right] = align(a, b);
  return left < right ? -1 : left > right ? 1 : 0;
}

const RANKS = { NaN: -2, '-Infinity': -1, Infinity: 1 };
const rank = (value: Decimal): number => (typeof value === 'string' ? RANKS[value] : 0);

export type Operation = 'add' | 'multiply' | 'divide' | 'remainder';

export function calculate(operation: Operation, left: Decimal128, right: Decimal128): Decimal128 {
  const a = parseDecimal(left);
  const b = parseDecimal(right);
  if (typeof a === 'string' || typeof b === 'string') return special(operation, a, b);
  if (operation === 'multiply') return makeDecimal(a.coefficient * b.coefficient, a.exponent + b.exponent);
  if (operation === 'divide') {
    const numerator = a.coefficient * power10(DIVISION_DIGITS + digitsOf(b.coefficient));
    return simplify(numerator / b.coefficient, a.exponent - b.exponent - DIVISION_DIGITS - digitsOf(b.coefficient));
  }
  const [x, y, exponent] = align(a, b);
  return makeDecimal(operation === 'add' ? x + y : x % y, exponent);
}

const digitsOf = (value: bigint): number => value.toString().length;

function simplify(coefficient: bigint, exponent: number): Decimal128 {
  let digits = coefficient;
  let power = exponent;
  while (digits !== 0n && digits % 10n === 0n && power < 0) {
    digits /= 10n;
    power += 1;
  }
  return makeDecimal(digits, power);
}

/** NaN and infinities follow the rules of doubles. */
function special(operation: Operation, a: Decimal, b: Decimal): Decimal128 {
  const x = sample(a);
  const y = sample(b);
  const result = { add: x + y, multiply: x * y, divide: x / y, remainder: x % y }[operation];
  return Decimal128.fromString(String(result));
}

const sample = (value: Decimal): number => (typeof value === 'string' ? Number(value) : Math.sign(Number(value.coefficient)));
