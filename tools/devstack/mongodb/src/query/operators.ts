import { BSONRegExp, MaxKey, MinKey } from 'bson';
import { compare, equal } from '../bson/compare';
import { keyText } from '../bson/key';
import { isNaNValue, isNumeric, toDouble, toInteger, truncate } from '../bson/numbers';
import { isDoc, type Maybe, TYPE_NUMBERS, typeClass, typeName, type Value } from '../bson/values';
import { badValue, failedToParse, MongoError } from '../errors';
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

/** A literal regular expression matches strings, and an equal expression. */
export function matchesRegex(expression: RegExp, literal?: BSONRegExp): Condition {
  return anyOf(regexTest(expression, literal));
}

const regexTest =
  (expression: RegExp, literal?: BSONRegExp): Test =>
  (value) =>
    typeof value === 'string' ? expression.test(value) : literal !== undefined && value instanceof BSONRegExp && equal(value, literal);

type Order = '$gt' | '$gte' | '$lt' | '$lte';
const ACCEPTS: Record<Order, (order: number) => boolean> = {
  $gt: (order) => order > 0,
  $gte: (order) => order >= 0,
  $lt: (order) => order < 0,
  $lte: (order) => order <= 0,
};

export const isOrder = (operator: string): operator is Order => operator in ACCEPTS;

/** Only values of the operand's type class are compared; NaN equals itself and is neither less nor greater. */
export function ordered(operator: Order, operand: Value): Condition {
  if (operand instanceof BSONRegExp) throw badValue(`Can't have RegEx as arg to predicate over field with ${operator}`);
  const accepts = ACCEPTS[operator];
  const inclusive = accepts(0);
  if (operand === null) return anyOf((value) => inclusive && isNull(value));
  if (operand instanceof MinKey || operand instanceof MaxKey) {
    return anyOf((value) => value !== undefined && accepts(compare(value, operand)));
  }
  const type = typeClass(operand);
  const notANumber = isNaNValue(operand);
  return anyOf((value) => {
    if (value === undefined || typeClass(value) !== type) return false;
    if (notANumber || isNaNValue(value)) return inclusive && notANumber && isNaNValue(value);
    return accepts(compare(value, operand));
  });
}

export function among(operand: Value): Condition {
  if (!Array.isArray(operand)) throw badValue('$in needs an array');
  const expressions: Test[] = [];
  const keys = new Set<string>();
  for (const item of operand) {
    if (isDoc(item) && [...item.keys()][0]?.startsWith('$')) throw badValue('cannot nest $ under $in');
    if (item instanceof BSONRegExp) expressions.push(regexTest(fromBson(item), item));
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
  if (typeof type === 'string') {
    if (!(type in TYPE_NUMBERS)) throw badValue(`Unknown type name alias: ${type}`);
    return [type];
  }
  const number = toInteger(type);
  const found = Object.entries(TYPE_NUMBERS).find(([, candidate]) => candidate === number);
  if (!found) throw badValue(`Invalid numerical type code: ${String(number)}`);
  return [found[0]];
}

export function hasSize(operand: Value): Condition {
  const size = toInteger(operand);
  if (size === undefined) throw failedToParse('Failed to parse $size. Expected an integer');
  if (size < 0) throw failedToParse(`Failed to parse $size. Expected a non-negative number in: $size: ${size}`);
  return whole((value) => Array.isArray(value) && value.length === size);
}

export function modulo(operand: Value): Condition {
  if (!Array.isArray(operand)) throw badValue('malformed mod, needs to be an array');
  if (operand.length !== 2) throw badValue(`malformed mod, ${operand.length < 2 ? 'not enough' : 'too many'} elements`);
  const [divisor, rest] = operand.map((item) => (isNumeric(item) ? truncate(item) : undefined));
  if (divisor === undefined || rest === undefined) throw badValue('malformed mod, divisor and remainder must be numbers');
  if (divisor === 0n) throw badValue('divisor cannot be 0');
  return anyOf((value) => {
    const number = isNumeric(value) ? truncate(value) : undefined;
    return number !== undefined && number % divisor === rest;
  });
}

export function containsAll(operand: Value, elementMatch: (operand: Value) => Condition): Condition {
  if (!Array.isArray(operand)) throw badValue('$all needs an array');
  if (operand.length === 0) return whole(() => false);
  return every(
    operand.map((item) => {
      if (item instanceof BSONRegExp) return matchesRegex(fromBson(item), item);
      if (!isDoc(item)) return equalTo(item);
      const [name] = item.keys();
      if (name === '$elemMatch') return elementMatch(item.get('$elemMatch') ?? null);
      if (name?.startsWith('$')) throw new MongoError(2, 'no $ expressions in $all');
      return equalTo(item);
    }),
  );
}
