import { Decimal128, Int32 } from 'bson';
import { calculate, compareDecimals, type Decimal, type Operation, parseDecimal, power10 } from './decimal';
import type { Maybe } from './values';

export type Numeric = number | bigint | Int32 | Decimal128;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const INT32_MIN = -(2 ** 31);
const INT32_MAX = 2 ** 31 - 1;
/** MongoDB turns a double into a decimal with this many digits. */
const DOUBLE_DIGITS = 15;

export const isNumeric = (value: Maybe): value is Numeric =>
  typeof value === 'number' || typeof value === 'bigint' || value instanceof Int32 || value instanceof Decimal128;

export const fitsInt64 = (value: bigint): boolean => value >= INT64_MIN && value <= INT64_MAX;
export const fitsInt32 = (value: number): boolean => value >= INT32_MIN && value <= INT32_MAX;

/** The number as a double; may lose precision. */
export function toDouble(value: Numeric): number {
  if (typeof value === 'number') return value;
  if (value instanceof Decimal128) return Number(value.toString());
  return Number(value instanceof Int32 ? value.value : value);
}

export function toDecimal(value: Numeric): Decimal128 {
  if (value instanceof Decimal128) return value;
  if (typeof value !== 'number') return Decimal128.fromString(String(value instanceof Int32 ? value.value : value));
  return Decimal128.fromString(Number.isFinite(value) ? value.toPrecision(DOUBLE_DIGITS) : String(value));
}

/** The exact value of any number, for comparison. */
export function exact(value: Numeric): Decimal {
  if (value instanceof Decimal128) return parseDecimal(value);
  if (typeof value === 'bigint') return { coefficient: value, exponent: 0 };
  const double = value instanceof Int32 ? value.value : value;
  if (Number.isNaN(double)) return 'NaN';
  if (!Number.isFinite(double)) return double > 0 ? 'Infinity' : '-Infinity';
  return exactDouble(double);
}

/** A double is m * 2^-k, which is m * 5^k * 10^-k. */
function exactDouble(value: number): Decimal {
  if (Number.isInteger(value)) return { coefficient: BigInt(value), exponent: 0 };
  let shift = 0;
  let scaled = value;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift += 1;
  }
  return { coefficient: BigInt(scaled) * 5n ** BigInt(shift), exponent: -shift };
}

/** Exact comparison over all numeric types; NaN is less than every other number and equal to itself. */
export function compareNumbers(a: Numeric, b: Numeric): number {
  if (a instanceof Decimal128 || b instanceof Decimal128) return compareDecimals(exact(a), exact(b));
  const x = a instanceof Int32 ? a.value : a;
  const y = b instanceof Int32 ? b.value : b;
  if (x < y) return -1;
  if (x > y) return 1;
  return Number(Number.isNaN(y)) - Number(Number.isNaN(x));
}

export const isNaNValue = (value: Maybe): boolean =>
  typeof value === 'number' ? Number.isNaN(value) : value instanceof Decimal128 && value.toString() === 'NaN';

type IntegerOperation = (a: bigint, b: bigint) => bigint;
type DoubleOperation = (a: number, b: number) => number;

/** The result in the wider type of the two; an int32 grows to int64. Undefined if an int64 overflows. */
function arithmetic(a: Numeric, b: Numeric, decimal: Operation, double: DoubleOperation, whole: IntegerOperation): Numeric | undefined {
  if (a instanceof Decimal128 || b instanceof Decimal128) return calculate(decimal, toDecimal(a), toDecimal(b));
  if (typeof a === 'number' || typeof b === 'number') return double(toDouble(a), toDouble(b));
  const result = whole(toBigInt(a), toBigInt(b));
  if (typeof a === 'bigint' || typeof b === 'bigint') return fitsInt64(result) ? result : undefined;
  return fitsInt32(Number(result)) ? new Int32(Number(result)) : result;
}

export const toBigInt = (value: bigint | Int32): bigint => (typeof value === 'bigint' ? value : BigInt(value.value));

export const add = (a: Numeric, b: Numeric): Numeric | undefined =>
  arithmetic(a, b, 'add', (x, y) => x + y, (x, y) => x + y);

export const multiply = (a: Numeric, b: Numeric): Numeric | undefined =>
  arithmetic(a, b, 'multiply', (x, y) => x * y, (x, y) => x * y);

/** The remainder with the sign of the dividend; the divisor must not be zero. */
export const remainder = (a: Numeric, b: Numeric): Numeric | undefined =>
  arithmetic(a, b, 'remainder', (x, y) => x % y, (x, y) => x % y);

export function negate(value: Numeric): Numeric | undefined {
  if (typeof value === 'number') return -value;
  return multiply(value, new Int32(-1));
}

export function divide(a: Numeric, b: Numeric): Numeric {
  if (a instanceof Decimal128 || b instanceof Decimal128) return calculate('divide', toDecimal(a), toDecimal(b));
  return toDouble(a) / toDouble(b);
}

export const isZero = (value: Numeric): boolean => compareNumbers(value, 0) === 0;

/** The number without its fraction, as an integer; undefined if it is not finite or beyond an int64. */
export function truncate(value: Numeric): bigint | undefined {
  const parsed = exact(value);
  if (typeof parsed === 'string') return undefined;
  const whole = parsed.exponent >= 0 ? parsed.coefficient * power10(parsed.exponent) : parsed.coefficient / power10(-parsed.exponent);
  return fitsInt64(whole) ? whole : undefined;
}

/** The number as a safe integer, or undefined if it has a fraction or is too large. */
export function toInteger(value: Maybe): number | undefined {
  if (!isNumeric(value)) return undefined;
  const double = toDouble(value);
  return Number.isSafeInteger(double) ? double : undefined;
}
