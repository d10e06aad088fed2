import { Int32, ObjectId, Timestamp } from 'bson';
import { toInteger } from '../bson/numbers';
import { showDocument } from '../bson/show';
import { type Doc, isDoc, isOperatorDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError, notSupported } from '../errors';
import { isNullish, namedArguments } from './arguments';
import { type OperatorCompiler, registerOperators } from './expression';

const UNIT_MS: Record<string, number> = { millisecond: 1, second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000, week: 604_800_000 };
const UNIT_MONTHS: Record<string, number> = { month: 1, quarter: 3, year: 12 };

export function asDate(value: Maybe, operator: string, code = 16006): Date {
  if (value instanceof Date) return value;
  if (value instanceof ObjectId) return value.getTimestamp();
  if (value instanceof Timestamp) return new Date(value.getHighBitsUnsigned() * 1000);
  throw new MongoError(code, `${operator} requires a date, not ${typeName(value)}`);
}

function unitOf(value: Maybe, operator: string): string {
  if (typeof value === 'string' && (Object.hasOwn(UNIT_MS, value) || Object.hasOwn(UNIT_MONTHS, value))) return value;
  throw new MongoError(9, `${operator} parameter 'unit' value cannot be recognized as a time unit: ${String(value)}`);
}

/** Months keep the day, or take the last day of a shorter month. */
export function addToDate(date: Date, unit: string, amount: number): Date {
  const length = UNIT_MS[unit];
  if (length !== undefined) return new Date(date.getTime() + amount * length);
  const months = date.getUTCFullYear() * 12 + date.getUTCMonth() + amount * (UNIT_MONTHS[unit] ?? 0);
  const year = Math.floor(months / 12);
  const month = months - year * 12;
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  const result = new Date(date);
  result.setUTCFullYear(year, month, Math.min(date.getUTCDate(), lastDay));
  return result;
}

export function refuseZone(value: Maybe, operator: string): void {
  if (!isNullish(value) && value !== 'UTC' && value !== 'GMT') throw notSupported(`${operator} with a timezone other than UTC`);
}

const REFUSED_OPTIONS = ['binSize', 'startOfWeek'];

function refuseOptions(fields: Doc, operator: string): void {
  for (const option of REFUSED_OPTIONS) if (fields.has(option)) throw notSupported(`${operator} with ${option}`);
}

const shift =
  (direction: 1 | -1): OperatorCompiler =>
  (operand, { compile }, name) => {
    const fields = namedArguments(operand, name, ['startDate', 'unit', 'amount'], ['timezone']);
    const part = (key: string) => compile(fields.get(key) ?? null);
    const [start, unit, amount, zone] = [part('startDate'), part('unit'), part('amount'), part('timezone')];
    return (root, environment) => {
      const from = start(root, environment);
      const count = amount(root, environment);
      const length = unit(root, environment);
      refuseZone(zone(root, environment), name);
      if (isNullish(from) || isNullish(count) || isNullish(length)) return null;
      const whole = toInteger(count);
      if (whole === undefined) throw new MongoError(5166405, `${name} expects integer amount of time units`);
      return addToDate(asDate(from, name, 5166403), unitOf(length, name), whole * direction);
    };
  };

const monthIndex = (date: Date): number => date.getUTCFullYear() * 12 + date.getUTCMonth();

/** Start of the week: Sunday, as `$dateDiff` and `$dateTrunc` take it by default. 1970-01-01 was a Thursday. */
const WEEK_OFFSET = 4 * 86_400_000;

/** The number of the unit's period that the date is in, counted from 1970 (months: from year 0). */
function period(date: Date, unit: string): number {
  const length = UNIT_MS[unit];
  if (length === undefined) return Math.floor(monthIndex(date) / (UNIT_MONTHS[unit] ?? 1));
  return Math.floor((date.getTime() + (unit === 'week' ? WEEK_OFFSET : 0)) / length);
}

const compileDifference: OperatorCompiler = (operand, { compile }, name) => {
  const fields = namedArguments(operand, name, ['startDate', 'endDate', 'unit'], ['timezone', ...REFUSED_OPTIONS]);
  refuseOptions(fields, name);
  const part = (key: string) => compile(fields.get(key) ?? null);
  const [start, end, unit, zone] = [part('startDate'), part('endDate'), part('unit'), part('timezone')];
  return (root, environment) => {
    const [from, to, length] = [start(root, environment), end(root, environment), unit(root, environment)];
    refuseZone(zone(root, environment), name);
    if (isNullish(from) || isNullish(to) || isNullish(length)) return null;
    const key = unitOf(length, name);
    return BigInt(period(asDate(to, name, 5166307), key) - period(asDate(from, name, 5166307), key));
  };
};

/** `Date.UTC` would take the years 0 to 99 for 1900 to 1999. */
function startOfMonth(index: number): Date {
  const result = new Date(0);
  result.setUTCFullYear(Math.floor(index / 12), ((index % 12) + 12) % 12, 1);
  return result;
}

const compileTruncation: OperatorCompiler = (operand, { compile }, name) => {
  const fields = namedArguments(operand, name, ['date', 'unit'], ['timezone', ...REFUSED_OPTIONS]);
  refuseOptions(fields, name);
  const part = (key: string) => compile(fields.get(key) ?? null);
  const [date, unit, zone] = [part('date'), part('unit'), part('timezone')];
  return (root, environment) => {
    const [value, length] = [date(root, environment), unit(root, environment)];
    refuseZone(zone(root, environment), name);
    if (isNullish(value) || isNullish(length)) return null;
    const key = unitOf(length, name);
    const index = period(asDate(value, name, 5439012), key);
    const months = UNIT_MONTHS[key];
    if (months !== undefined) return startOfMonth(index * months);
    return new Date(index * (UNIT_MS[key] ?? 1) - (key === 'week' ? WEEK_OFFSET : 0));
  };
};

/** `{ date, timezone }`, the other form of a date's part. */
function dateArguments(operand: Doc, name: string): Doc {
  for (const key of operand.keys()) {
    if (key !== 'date' && key !== 'timezone') throw new MongoError(40535, `unrecognized option to ${name}: "${key}"`);
  }
  if (!operand.has('date')) throw new MongoError(40539, `missing 'date' argument to ${name}, provided: ${showDocument(operand)}`);
  return operand;
}

const part =
  (read: (date: Date) => number): OperatorCompiler =>
  (operand: Value, { compile }, name) => {
    const only = Array.isArray(operand) && operand.length === 1 ? (operand[0] ?? null) : operand;
    const named = isDoc(only) && !isOperatorDoc(only) ? dateArguments(only, name) : undefined;
    const expression = compile(named?.get('date') ?? (named ? null : only));
    const zone = named?.has('timezone') ? compile(named.get('timezone') ?? null) : undefined;
    return (root, environment) => {
      const value = expression(root, environment);
      refuseZone(zone?.(root, environment), name);
      return isNullish(value) ? null : new Int32(read(asDate(value, name)));
    };
  };

export const dayOfYear = (date: Date): number =>
  Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / (UNIT_MS['day'] ?? 1)) + 1;

registerOperators({
  $dateAdd: shift(1),
  $dateSubtract: shift(-1),
  $dateDiff: compileDifference,
  $dateTrunc: compileTruncation,
  $year: part((date) => date.getUTCFullYear()),
  $month: part((date) => date.getUTCMonth() + 1),
  $dayOfMonth: part((date) => date.getUTCDate()),
  $dayOfWeek: part((date) => date.getUTCDay() + 1),
  $dayOfYear: part(dayOfYear),
  $hour: part((date) => date.getUTCHours()),
  $minute: part((date) => date.getUTCMinutes()),
  $second: part((date) => date.getUTCSeconds()),
  $millisecond: part((date) => date.getUTCMilliseconds()),
});
