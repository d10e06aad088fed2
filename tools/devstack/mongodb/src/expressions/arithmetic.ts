import { Decimal128, Int32 } from 'bson';
import { compare } from '../bson/compare';
import { add, divide, isNumeric, isZero, multiply, negate, type Numeric, remainder, toDecimal, toDouble } from '../bson/numbers';
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

/** A function of a double; null for null, and a decimal stays one. */
const real = (operator: string, apply: (value: number) => number) =>
  unary((value) => {
    if (isNullish(value)) return null;
    const number = numeric(value, operator);
    const result = apply(toDouble(number));
    return number instanceof Decimal128 ? toDecimal(result) : result;
  });

function absolute(value: Maybe): Maybe {
  if (isNullish(value)) return null;
  const number = numeric(value, '$abs');
  return compare(number, 0) < 0 ? widened(negate(number), () => -toDouble(number)) : number;
}

function power(a: Maybe, b: Maybe): Maybe {
  if (isNullish(a) || isNullish(b)) return null;
  const result = toDouble(numeric(a, '$pow')) ** toDouble(numeric(b, '$pow'));
  if (a instanceof Decimal128 || b instanceof Decimal128) return toDecimal(result);
  if (typeof a === 'number' || typeof b === 'number' || !Number.isSafeInteger(result)) return result;
  const isInt = a instanceof Int32 && b instanceof Int32 && Math.abs(result) < 2 ** 31;
  return isInt ? new Int32(result) : BigInt(result);
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
  $sqrt: real('$sqrt', Math.sqrt),
  $exp: real('$exp', Math.exp),
  $ln: real('$ln', Math.log),
  $log10: real('$log10', Math.log10),
  $pow: binary(power),
  $sum: strict(0, MANY, (values) => sumOf(operands(values))),
  $avg: strict(0, MANY, (values) => averageOf(operands(values))),
  $max: strict(0, MANY, (values) => extreme(operands(values), 1)),
  $min: strict(0, MANY, (values) => extreme(operands(values), -1)),
});
