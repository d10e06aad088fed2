import { Decimal128, Int32 } from 'bson';
import { compare } from '../bson/compare';
import { add, divide, isNumeric, isZero, multiply, negate, type Numeric, remainder, toBigInt, toDecimal, toDouble } from '../bson/numbers';
import { showValue } from '../bson/show';
import { isDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError, typeMismatch } from '../errors';
import { binary, isNullish, strict, unary } from './arguments';
import { type OperatorCompiler, registerOperators } from './expression';
import { round } from './rounding';

const MANY = Number.MAX_SAFE_INTEGER;

export function numeric(value: Maybe, operator: string): Numeric {
  if (isNumeric(value)) return value;
  throw new MongoError(28765, `${operator} only supports numeric types, not ${typeName(value)}`);
}

/** An int64 that overflows in an expression becomes a double. */
const widened = (result: Numeric | undefined, fallback: () => number): Numeric => result ?? fallback();

export const addNumbers = (a: Numeric, b: Numeric): Numeric => widened(add(a, b), () => toDouble(a) + toDouble(b));

function addValues(values: Maybe[]): Maybe {
  if (values.some(isNullish)) return null;
  let date: Date | undefined;
  let sum: Numeric = new Int32(0);
  for (const value of values) {
    if (value instanceof Date) {
      if (date) throw new MongoError(16612, 'only one date allowed in an $add expression');
      date = value;
    } else if (isNumeric(value)) {
      sum = addNumbers(sum, value);
    } else {
      throw typeMismatch(`$add only supports numeric or date types, not ${typeName(value)}`);
    }
  }
  return date ? new Date(date.getTime() + Math.round(toDouble(sum))) : sum;
}

function subtractValues(a: Maybe, b: Maybe): Maybe {
  if (isNullish(a) || isNullish(b)) return null;
  if (a instanceof Date && b instanceof Date) return BigInt(a.getTime() - b.getTime());
  if (a instanceof Date && isNumeric(b)) return new Date(a.getTime() - Math.round(toDouble(b)));
  if (!isNumeric(a) || !isNumeric(b)) throw new MongoError(14, `can't $subtract ${typeName(b)} from ${typeName(a)}`);
  const minus = negate(b);
  return widened(minus === undefined ? undefined : add(a, minus), () => toDouble(a) - toDouble(b));
}

function multiplyValues(values: Maybe[]): Maybe {
  if (values.some(isNullish)) return null;
  return values.reduce<Numeric>((product, value) => {
    if (!isNumeric(value)) throw typeMismatch(`$multiply only supports numeric types, not ${typeName(value)}`);
    return widened(multiply(product, value), () => toDouble(product) * toDouble(value));
  }, new Int32(1));
}

function divideValues(a: Maybe, b: Maybe): Maybe {
  if (isNullish(a) || isNullish(b)) return null;
  if (!isNumeric(a) || !isNumeric(b)) throw typeMismatch(`$divide only supports numeric types, not ${typeName(a)} and ${typeName(b)}`);
  if (isZero(b)) throw new MongoError(2, "can't $divide by zero");
  return divide(a, b);
}

function modValues(a: Maybe, b: Maybe): Maybe {
  if (isNullish(a) || isNullish(b)) return null;
  if (!isNumeric(a) || !isNumeric(b)) throw new MongoError(16611, `$mod only supports numeric types, not ${typeName(a)} and ${typeName(b)}`);
  if (isZero(b)) throw new MongoError(16610, "can't $mod by zero");
  return widened(remainder(a, b), () => toDouble(a) % toDouble(b));
}

/** A function of a double that is not below `least`; null for null, and a decimal stays one. */
const real = (operator: string, apply: (value: number) => number, least = -Infinity, code = 0) =>
  unary((value) => {
    if (isNullish(value)) return null;
    const number = numeric(value, operator);
    if (toDouble(number) < least) throw new MongoError(code, `${operator}'s argument must be a ${least > 0 ? 'positive' : 'non-negative'} number, but is ${showValue(number)}`);
    const result = apply(toDouble(number));
    return number instanceof Decimal128 ? toDecimal(result) : result;
  });

function absolute(value: Maybe): Maybe {
  if (isNullish(value)) return null;
  const number = numeric(value, '$abs');
  if (compare(number, 0) >= 0) return number;
  const positive = negate(number);
  if (positive === undefined) throw new MongoError(28680, "can't take $abs of long long min");
  return positive;
}

function power(a: Maybe, b: Maybe): Maybe {
  if (isNullish(a) || isNullish(b)) return null;
  if (!isNumeric(a)) throw new MongoError(28762, `$pow's base must be numeric, not ${typeName(a)}`);
  if (!isNumeric(b)) throw new MongoError(28763, `$pow's exponent must be numeric, not ${typeName(b)}`);
  if (isZero(a) && toDouble(b) < 0) throw new MongoError(28764, '$pow cannot take a base of 0 and a negative exponent');
  const result = toDouble(a) ** toDouble(b);
  if (a instanceof Decimal128 || b instanceof Decimal128) return toDecimal(result);
  if (typeof a === 'number' || typeof b === 'number' || !Number.isSafeInteger(result)) return result;
  const isInt = a instanceof Int32 && b instanceof Int32 && Math.abs(result) < 2 ** 31;
  return isInt ? new Int32(result) : BigInt(result);
}

function logarithm(a: Maybe, b: Maybe): Maybe {
  if (isNullish(a) || isNullish(b)) return null;
  if (!isNumeric(a)) throw new MongoError(28756, `$log's argument must be numeric, not ${typeName(a)}`);
  if (!isNumeric(b)) throw new MongoError(28757, `$log's base must be numeric, not ${typeName(b)}`);
  if (toDouble(a) <= 0) throw new MongoError(28758, `$log's argument must be a positive number, but is ${showValue(a)}`);
  if (toDouble(b) <= 0 || toDouble(b) === 1) throw new MongoError(28759, `$log's base must be a positive number not equal to 1, but is ${showValue(b)}`);
  const result = Math.log(toDouble(a)) / Math.log(toDouble(b));
  return a instanceof Decimal128 || b instanceof Decimal128 ? toDecimal(result) : result;
}

const isWhole = (value: Maybe): value is Int32 | bigint => value instanceof Int32 || typeof value === 'bigint';

/** An int32 unless one of the values is an int64. */
const bits = (operator: string, start: number, apply: (a: bigint, b: bigint) => bigint) =>
  strict(0, MANY, (values) => {
    if (values.some(isNullish)) return null;
    return values.reduce<Int32 | bigint>((result, value) => {
      if (!isWhole(value)) throw typeMismatch(`${operator} only supports int and long operands.`);
      const next = apply(toBigInt(result), toBigInt(value));
      return result instanceof Int32 && value instanceof Int32 ? new Int32(Number(next)) : next;
    }, new Int32(start));
  });

function invertBits(value: Maybe): Maybe {
  if (isNullish(value)) return null;
  if (!isWhole(value)) throw typeMismatch(`$bitNot only supports int and long, not: ${typeName(value)}.`);
  return value instanceof Int32 ? new Int32(~value.value) : ~value;
}

/** The values an accumulating operator sees: one array argument stands for its elements. */
function operands(values: Maybe[]): Maybe[] {
  const [only] = values;
  return values.length === 1 && Array.isArray(only) ? only : values;
}

export function sumOf(values: Iterable<Maybe>): Numeric {
  let sum: Numeric = new Int32(0);
  for (const value of values) if (isNumeric(value)) sum = addNumbers(sum, value);
  return sum;
}

export function averageOf(values: Maybe[]): Maybe {
  const numbers = values.filter(isNumeric);
  return numbers.length === 0 ? null : divide(sumOf(numbers), new Int32(numbers.length));
}

export function extreme(values: Iterable<Maybe>, direction: 1 | -1): Value {
  let best: Maybe;
  for (const value of values) {
    if (isNullish(value)) continue;
    if (best === undefined || compare(value, best) * direction > 0) best = value;
  }
  return best ?? null;
}

/** A number from 0 to 1 that is another one each time. */
const random: OperatorCompiler = (operand) => {
  if (!(isDoc(operand) && operand.size === 0) && !(Array.isArray(operand) && operand.length === 0)) throw new MongoError(3040501, '$rand does not currently accept arguments');
  return () => Math.random();
};

registerOperators({
  $rand: random,
  $add: strict(0, MANY, addValues),
  $subtract: binary(subtractValues),
  $multiply: strict(0, MANY, multiplyValues),
  $divide: binary(divideValues),
  $mod: binary(modValues),
  $abs: unary(absolute),
  $ceil: unary((value) => round(value, undefined, '$ceil')),
  $floor: unary((value) => round(value, undefined, '$floor')),
  $round: strict(1, 2, ([value, place]) => round(value, place, '$round')),
  $trunc: strict(1, 2, ([value, place]) => round(value, place, '$trunc')),
  $sqrt: real('$sqrt', Math.sqrt, 0, 28714),
  $exp: real('$exp', Math.exp),
  $ln: real('$ln', Math.log, Number.MIN_VALUE, 28766),
  $log10: real('$log10', Math.log10, Number.MIN_VALUE, 28761),
  $log: binary(logarithm),
  $pow: binary(power),
  $bitAnd: bits('$bitAnd', -1, (a, b) => a & b),
  $bitOr: bits('$bitOr', 0, (a, b) => a | b),
  $bitXor: bits('$bitXor', 0, (a, b) => a ^ b),
  $bitNot: unary(invertBits),
  $sum: strict(0, MANY, (values) => sumOf(operands(values))),
  $avg: strict(0, MANY, (values) => averageOf(operands(values))),
  $max: strict(0, MANY, (values) => extreme(operands(values), 1)),
  $min: strict(0, MANY, (values) => extreme(operands(values), -1)),
});
