import { BSONRegExp, MaxKey, MinKey } from 'bson';
import { compare, equal } from '../bson/compare';
import { keyText } from '../bson/key';
import { isNaNValue, isNumeric, toDouble, toInteger, truncate } from '../bson/numbers';
import { showValue } from '../bson/show';
import { type Doc, isDoc, isOperatorDoc, type Maybe, TYPE_NUMBERS, typeClass, typeName, type Value } from '../bson/values';
import { badValue, failedToParse, typeMismatch } from '../errors';
import { anyOf, type Condition, every, not, type Test, whole } from './condition';
import { fromBson } from './regex';

const isNull = (value: Maybe): boolean => value === undefined || value === null;

export function equalTo(operand: Value): Condition {
  return anyOf(equalityTest(operand));
}

function equalityTest(operand: Value): Test {
  if (operand === null) return isNull;
  if (typeof operand === 'string' || typeof operand === 'boolean') return (value) => value === operand;
  return (value) => value !== undefined && equal(value, operand);
}

/** A regular expression matches strings, and an equal expression. */
export const matchesRegex = (literal: BSONRegExp): Condition => anyOf(regexTest(literal));

function regexTest(literal: BSONRegExp): Test {
  const pattern = fromBson(literal);
  return (value, { environment }) => (typeof value === 'string' ? pattern.exec(value, environment.deadline) !== null : value instanceof BSONRegExp && equal(value, literal));
}

type Order = '$gt' | '$gte' | '$lt' | '$lte';
const ACCEPTS: Record<Order, (order: number) => boolean> = {
  $gt: (order) => order > 0,
  $gte: (order) => order >= 0,
  $lt: (order) => order < 0,
  $lte: (order) => order <= 0,
};

export const isOrder = (operator: string): operator is Order => Object.hasOwn(ACCEPTS, operator);

/** Only values of the operand's type class are compared; NaN equals itself and is neither less nor greater. */
export function ordered(operator: Order, operand: Value): Condition {
  if (operand instanceof BSONRegExp) throw badValue(`Can't have RegEx as arg to predicate over field with ${operator}`);
  const accepts = ACCEPTS[operator];
  const inclusive = accepts(0);
  if (operand === null) return anyOf((value) => inclusive && isNull(value));
  if (operand instanceof MinKey || operand instanceof MaxKey) return anyOf((value) => accepts(compare(value ?? null, operand)));
  const type = typeClass(operand);
  const notANumber = isNaNValue(operand);
  return anyOf((value) => {
    if (value === undefined || typeClass(value) !== type) return false;
    if (notANumber || isNaNValue(value)) return inclusive && notANumber && isNaNValue(value);
    return accepts(compare(value, operand));
  });
}

export function among(operand: Value, operator: '$in' | '$nin' = '$in'): Condition {
  if (!Array.isArray(operand)) throw badValue(`${operator} needs an array`);
  const expressions: Test[] = [];
  const keys = new Set<string>();
  for (const item of operand) {
    if (isOperatorDoc(item)) throw badValue('cannot nest $ under $in');
    if (item instanceof BSONRegExp) expressions.push(regexTest(item));
    keys.add(keyText(item));
  }
  return anyOf((value, scope) => keys.has(keyText(value ?? null)) || expressions.some((test) => test(value, scope)));
}

export function exists(operand: Value): Condition {
  const present = whole((value) => value !== undefined);
  return isTruthy(operand) ? present : not(present);
}

export const isTruthy = (value: Maybe): boolean =>
  value !== undefined && value !== null && value !== false && !(isNumeric(value) && toDouble(value) === 0);

export function hasType(operand: Value): Condition {
  const wanted = new Set((Array.isArray(operand) ? operand : [operand]).flatMap(typeNames));
  if (wanted.size === 0) throw failedToParse('$type must match at least one type');
  return anyOf((value) => value !== undefined && wanted.has(typeName(value)));
}

function typeNames(type: Value): string[] {
  if (type === 'number') return ['int', 'long', 'double', 'decimal'];
  const numbers: Record<string, number> = { ...TYPE_NUMBERS, ...DEPRECATED_TYPES };
  if (typeof type === 'string') {
    if (!Object.hasOwn(numbers, type)) throw badValue(`Unknown type name alias: ${type}`);
    return [type];
  }
  if (!isNumeric(type)) throw typeMismatch('type must be represented as a number or a string');
  const number = toInteger(type);
  const found = Object.entries(numbers).find(([, candidate]) => candidate === number);
  if (!found) throw badValue(`Invalid numerical type code: ${showValue(type)}${number === 0 ? '. Instead use {$exists:false}.' : ''}`);
  return [found[0]];
}

/** Types that `$type` may ask for and that no stored value has. */
const DEPRECATED_TYPES = { undefined: 6, dbPointer: 12, symbol: 14, javascriptWithScope: 15 };

export function hasSize(operand: Value): Condition {
  const shown = `$size: ${showValue(operand)}`;
  if (!isNumeric(operand)) throw badValue(`Failed to parse $size. Expected a number in: ${shown}`);
  const size = toInteger(operand);
  if (size === undefined) throw badValue(`Failed to parse $size. Expected an integer: ${shown}`);
  if (size < 0) throw badValue(`Failed to parse $size. Expected a non-negative number in: ${shown}`);
  return whole((value) => Array.isArray(value) && value.length === size);
}

export function modulo(operand: Value): Condition {
  if (!Array.isArray(operand)) throw badValue('malformed mod, needs to be an array');
  if (operand.length !== 2) throw badValue(`malformed mod, ${operand.length < 2 ? 'not enough' : 'too many'} elements`);
  const [divisor, rest] = operand.map((item, at) => wholePart(item, at === 0 ? 'divisor' : 'remainder')) as [bigint, bigint];
  if (divisor === 0n) throw badValue('divisor cannot be 0');
  return anyOf((value) => {
    const number = isNumeric(value) ? truncate(value) : undefined;
    return number !== undefined && number % divisor === rest;
  });
}

function wholePart(value: Value, name: string): bigint {
  if (!isNumeric(value)) throw badValue(`malformed mod, ${name} not a number`);
  const whole = truncate(value);
  if (whole === undefined) throw badValue(`malformed mod, ${name} value is invalid: ${showValue(value)}`);
  return whole;
}

export function containsAll(operand: Value, elementMatch: (operand: Value) => Condition): Condition {
  if (!Array.isArray(operand)) throw badValue('$all needs an array');
  if (operand.length === 0) return whole(() => false);
  const isElementMatch = (item: Maybe): item is Doc => isDoc(item) && [...item.keys()][0] === '$elemMatch';
  const byElements = isElementMatch(operand[0]);
  return every(
    operand.map((item) => {
      if (byElements && isElementMatch(item)) return elementMatch(item.get('$elemMatch') ?? null);
      if (byElements) throw badValue('$all/$elemMatch has to be consistent');
      if (item instanceof BSONRegExp) return matchesRegex(item);
      if (isOperatorDoc(item)) throw badValue('no $ expressions in $all');
      return equalTo(item);
    }),
  );
}
