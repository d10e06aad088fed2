import { Decimal128, Int32, ObjectId, Timestamp } from 'bson';
import { fitsInt32, fitsInt64, isNumeric, type Numeric, toDecimal, toDouble, toInteger, truncate } from '../bson/numbers';
import { type Maybe, TYPE_NUMBERS, typeName, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { isTruthy } from '../query/operators';
import { isNullish, namedArguments, unary } from './arguments';
import { asDate } from './dates';
import { type OperatorCompiler, registerOperators } from './expression';

type Target = 'int' | 'long' | 'double' | 'decimal' | 'string' | 'bool' | 'date' | 'objectId';

const failure = (value: Maybe, target: string, why = '') =>
  new MongoError(241, `Unsupported conversion from ${typeName(value)} to ${target} in $convert with no onError value${why}`);

/** What `$toString` makes of a value. */
export function asText(value: Maybe): string {
  if (typeof value === 'string') return value;
  if (isNullish(value)) return '';
  if (value instanceof Int32) return String(value.value);
  if (isNumeric(value) || typeof value === 'boolean') return String(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof ObjectId) return value.toHexString();
  throw failure(value, 'string');
}

function numberOf(value: Value, target: Target): Numeric {
  if (isNumeric(value)) return value;
  if (typeof value === 'boolean') return new Int32(value ? 1 : 0);
  if (value instanceof Date && target !== 'int') return BigInt(value.getTime());
  if (typeof value === 'string' && value !== '' && value.trim() === value && !/^0x/i.test(value)) {
    if (target === 'decimal') return decimalOf(value);
    if (/^[+-]?\d+$/.test(value) && (target === 'double' || fitsInt64(BigInt(value)))) return target === 'double' ? Number(value) : BigInt(value);
    if (target === 'double' && !Number.isNaN(Number(value))) return Number(value);
  }
  throw failure(value, target);
}

function decimalOf(text: string): Decimal128 {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|^[+-]?inf(inity)?$|^nan$/i.test(text)) throw failure(text, 'decimal');
  return Decimal128.fromStringWithRounding(text);
}

function wholeNumber(value: Value, target: 'int' | 'long'): Value {
  const whole = truncate(numberOf(value, target));
  if (whole === undefined || (target === 'int' && !fitsInt32(Number(whole)))) throw failure(value, target, ': out of range');
  return target === 'int' ? new Int32(Number(whole)) : whole;
}

/** The dates that are read; other spellings that MongoDB knows fail as if they were none. */
const ISO_DATE = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:?\d\d)?)?$/;
const isLocal = (text: string): boolean => /[T ]/.test(text) && !/(Z|[+-]\d\d:?\d\d)$/.test(text);

function dateOf(value: Value): Date {
  if (value instanceof Date || value instanceof ObjectId || value instanceof Timestamp) return asDate(value, '$toDate');
  if (isNumeric(value) && !(value instanceof Int32)) return new Date(toDouble(value));
  const parsed = typeof value === 'string' && ISO_DATE.test(value) ? new Date(isLocal(value) ? `${value}Z` : value) : undefined;
  if (parsed && !Number.isNaN(parsed.getTime())) return parsed;
  throw failure(value, 'date');
}

function objectIdOf(value: Value): ObjectId {
  if (value instanceof ObjectId) return value;
  if (typeof value === 'string' && /^[0-9a-fA-F]{24}$/.test(value)) return new ObjectId(value);
  throw failure(value, 'objectId');
}

function convert(value: Value, target: Target): Value {
  switch (target) {
    case 'int':
    case 'long':
      return wholeNumber(value, target);
    case 'double':
      return toDouble(numberOf(value, target));
    case 'decimal':
      return toDecimal(numberOf(value, target));
    case 'string':
      return asText(value);
    case 'bool':
      return isTruthy(value);
    case 'date':
      return dateOf(value);
    case 'objectId':
      return objectIdOf(value);
  }
}

const TARGETS: readonly string[] = ['int', 'long', 'double', 'decimal', 'string', 'bool', 'date', 'objectId'];
const isTarget = (value: Maybe): value is Target => typeof value === 'string' && TARGETS.includes(value);

/** A type by its name or number. */
function targetOf(type: Value): Maybe {
  const number = toInteger(type);
  return number === undefined ? type : Object.entries(TYPE_NUMBERS).find(([, candidate]) => candidate === number)?.[0];
}

const conversion = (target: Target): OperatorCompiler => unary((value) => (isNullish(value) ? null : convert(value, target)));

const compileConvert: OperatorCompiler = (operand, { compile }, operator) => {
  const fields = namedArguments(operand, operator, ['input', 'to'], ['onError', 'onNull']);
  const part = (name: string) => (fields.has(name) ? compile(fields.get(name) ?? null) : undefined);
  const [input, to, onError, onNull] = [part('input'), part('to'), part('onError'), part('onNull')];
  return (root, environment) => {
    const value = input?.(root, environment);
    if (isNullish(value)) return onNull ? onNull(root, environment) : null;
    const wanted = to?.(root, environment);
    if (isNullish(wanted)) return null;
    const target = targetOf(wanted);
    if (!isTarget(target)) throw new MongoError(2, `$convert: unknown or unsupported type name: ${String(target)}`);
    try {
      return convert(value, target);
    } catch (error) {
      if (onError && error instanceof MongoError) return onError(root, environment);
      throw error;
    }
  };
};

registerOperators({
  $convert: compileConvert,
  $toInt: conversion('int'),
  $toLong: conversion('long'),
  $toDouble: conversion('double'),
  $toDecimal: conversion('decimal'),
  $toString: conversion('string'),
  $toBool: conversion('bool'),
  $toDate: conversion('date'),
  $toObjectId: conversion('objectId'),
  $type: unary(typeName),
});
