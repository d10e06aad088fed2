import type { Maybe } from '../bson/values';
import { MongoError, notSupported } from '../errors';
import { isNullish, namedArguments } from './arguments';
import { asDate, dayOfYear, refuseZone } from './dates';
import { type OperatorCompiler, registerOperators } from './expression';

const padded = (value: number, size: number): string => String(value).padStart(size, '0');

/** What stands for each letter after `%`. */
const LETTERS: Readonly<Record<string, (date: Date) => string>> = {
  '%': () => '%',
  Y: (date) => padded(date.getUTCFullYear(), 4),
  m: (date) => padded(date.getUTCMonth() + 1, 2),
  d: (date) => padded(date.getUTCDate(), 2),
  H: (date) => padded(date.getUTCHours(), 2),
  M: (date) => padded(date.getUTCMinutes(), 2),
  S: (date) => padded(date.getUTCSeconds(), 2),
  L: (date) => padded(date.getUTCMilliseconds(), 3),
  j: (date) => padded(dayOfYear(date), 3),
  u: (date) => String(date.getUTCDay() || 7),
  w: (date) => String(date.getUTCDay() + 1),
  z: () => '+0000',
  Z: () => '+000',
};
const REFUSED = new Set(['G', 'V', 'U', 'b', 'B']);

/** Writes a date; throws for a letter that MongoDB does not have (18536), or an end after `%` (18535). */
function write(date: Date, format: string): string {
  let text = '';
  for (let at = 0; at < format.length; at++) {
    if (format[at] !== '%') {
      text += format[at];
      continue;
    }
    at += 1;
    const letter = format[at];
    if (letter === undefined) throw new MongoError(18535, "Unmatched '%' at end of format string");
    if (REFUSED.has(letter)) throw notSupported(`%${letter} in the format of a date`);
    const part = Object.hasOwn(LETTERS, letter) ? LETTERS[letter] : undefined;
    if (!part) throw new MongoError(18536, `Invalid format character '%${letter}' in format string`);
    text += part(date);
  }
  return text;
}

const compileDateToString: OperatorCompiler = (operand, { compile }, name) => {
  const fields = namedArguments(operand, name, ['date'], ['format', 'timezone', 'onNull']);
  const part = (key: string) => (fields.has(key) ? compile(fields.get(key) ?? null) : undefined);
  const [date, format, zone, onNull] = [part('date'), part('format'), part('timezone'), part('onNull')];
  return (root, environment): Maybe => {
    const value = date?.(root, environment);
    const wanted = format ? format(root, environment) : '%Y-%m-%dT%H:%M:%S.%LZ';
    refuseZone(zone?.(root, environment), name);
    if (isNullish(wanted)) return null;
    if (typeof wanted !== 'string') throw new MongoError(18533, '$dateToString requires that \'format\' be a string');
    if (isNullish(value)) return onNull ? onNull(root, environment) : null;
    return write(asDate(value, name), wanted);
  };
};

registerOperators({ $dateToString: compileDateToString });
