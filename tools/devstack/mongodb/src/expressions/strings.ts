import { BSONRegExp } from 'bson';
import { compareStrings } from '../bson/compare';
import { isNumeric, toInteger, truncate } from '../bson/numbers';
import { doc, integer, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError } from '../errors';
import type { Deadline } from '../deadline';
import type { Pattern } from '../query/pattern';
import { fromBson, regexOperator } from '../query/regex';
import { binary, isNullish, namedArguments, strict, unary } from './arguments';
import { place } from './arrays';
import { asText } from './convert';
import { type OperatorCompiler, registerOperators } from './expression';

const MANY = Number.MAX_SAFE_INTEGER;

function text(value: Maybe, operator: string, code: number): string {
  if (typeof value === 'string') return value;
  throw new MongoError(code, `${operator} requires a string argument, found: ${typeName(value)}`);
}

function concat(values: Maybe[]): Maybe {
  if (values.some(isNullish)) return null;
  return values.map((value) => {
    if (typeof value === 'string') return value;
    throw new MongoError(16702, `$concat only supports strings, not ${typeName(value)}`);
  }).join('');
}

/** A string, or what stands for a number or a date where MongoDB takes it for one. */
function plainText(value: Maybe): string {
  if (typeof value === 'string' || isNumeric(value) || value instanceof Date) return asText(value);
  throw new MongoError(16007, `can't convert from BSON type ${typeName(value)} to String`);
}

/** Only the letters of ASCII change, as in MongoDB. */
const changeCase = (change: (letter: string) => string, pattern: RegExp) =>
  unary((value) => (isNullish(value) ? '' : plainText(value).replace(pattern, change)));

function position(value: Maybe, operator: string): number {
  const number = toInteger(value);
  if (number === undefined) throw new MongoError(34450, `${operator} needs whole numbers, not ${typeName(value)}`);
  return number;
}

/** By code points. */
function substring([value, start, length]: Maybe[]): Maybe {
  if (isNullish(value)) return '';
  const points = [...plainText(value)];
  const from = position(start, '$substrCP');
  const count = position(length, '$substrCP');
  if (from < 0) throw new MongoError(34452, '$substrCP: the starting index must be a non-negative integer');
  if (count < 0) throw new MongoError(34454, '$substrCP: the length must be a non-negative integer');
  return points.slice(from, from + count).join('');
}

/** By bytes of UTF-8, between two characters. A negative length takes all that is left. */
function byteSubstring([value, start, length]: Maybe[]): Maybe {
  if (isNullish(value)) return '';
  const bytes = Buffer.from(plainText(value));
  const [from, count] = [start, length].map((number, at) => {
    if (!isNumeric(number)) throw new MongoError(16034 + at, `$substrBytes:  ${at === 0 ? 'starting index' : 'length'} must be a numeric type (is BSON type ${typeName(number)})`);
    return Number(truncate(number) ?? 0);
  }) as [number, number];
  if (from < 0 || from >= bytes.length) return '';
  const end = count < 0 ? bytes.length : Math.min(bytes.length, from + count);
  const isInside = (at: number): boolean => ((bytes[at] ?? 0) & 0xc0) === 0x80;
  if (isInside(from)) throw new MongoError(28656, '$substrBytes:  Invalid range, starting index is a UTF-8 continuation byte.');
  if (isInside(end)) throw new MongoError(28657, '$substrBytes:  Invalid range, ending index is in the middle of a UTF-8 character.');
  return bytes.toString('utf8', from, end);
}

function split(value: Maybe, separator: Maybe): Maybe {
  if (isNullish(value) || isNullish(separator)) return null;
  const by = text(separator, '$split', 40086);
  if (by === '') throw new MongoError(40087, '$split requires a non-empty separator');
  return text(value, '$split', 40085).split(by);
}

const WHITESPACE = new Set(' \t\n\v\f\r\0\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a');

const trim =
  (start: boolean, end: boolean): OperatorCompiler =>
  (operand, { compile }, operator) => {
    const fields = namedArguments(operand, operator, ['input'], ['chars']);
    const input = compile(fields.get('input') ?? null);
    const chars = fields.has('chars') ? compile(fields.get('chars') ?? null) : undefined;
    return (root, environment) => {
      const value = input(root, environment);
      const wanted = chars?.(root, environment);
      if (isNullish(value) || wanted === null) return null;
      const gone = wanted === undefined ? WHITESPACE : new Set(text(wanted, operator, 50700));
      const points = [...text(value, operator, 50699)];
      let from = 0;
      let to = points.length;
      while (start && from < to && gone.has(points[from] ?? '')) from += 1;
      while (end && to > from && gone.has(points[to - 1] ?? '')) to -= 1;
      return points.slice(from, to).join('');
    };
  };

function indexOf([value, wanted, start, end]: Maybe[]): Maybe {
  if (isNullish(value)) return null;
  const points = [...text(value, '$indexOfCP', 40093)];
  const from = start === undefined ? 0 : place(start, '$indexOfCP');
  const to = end === undefined ? points.length : place(end, '$indexOfCP');
  const part = points.slice(from, to).join('');
  const at = part.indexOf(text(wanted, '$indexOfCP', 40094));
  return integer(at < 0 ? -1 : from + [...part.slice(0, at)].length);
}

function byteIndexOf([value, wanted]: Maybe[]): Maybe {
  if (isNullish(value)) return null;
  return integer(Buffer.from(text(value, '$indexOfBytes', 40091)).indexOf(text(wanted, '$indexOfBytes', 40092)));
}

/** `$regexMatch` and its kin. */
const regex =
  (apply: (pattern: Pattern, input: string, deadline: Deadline | undefined) => Value, none: Value): OperatorCompiler =>
  (operand, { compile }, operator) => {
    const fields = namedArguments(operand, operator, ['input', 'regex'], ['options']);
    const input = compile(fields.get('input') ?? null);
    const pattern = compile(fields.get('regex') ?? null);
    const options = fields.has('options') ? compile(fields.get('options') ?? null) : undefined;
    return (root, environment) => {
      const value = input(root, environment);
      const expression = pattern(root, environment);
      if (isNullish(value) || isNullish(expression)) return none;
      if (!(expression instanceof BSONRegExp) && typeof expression !== 'string') throw new MongoError(51105, `${operator} needs 'regex' to be a string or a regular expression`);
      return apply(compiled(expression, options?.(root, environment), operator), text(value, operator, 51104), environment.deadline);
    };
  };

function compiled(expression: string | BSONRegExp, options: Maybe, operator: string): Pattern {
  if (!isNullish(options) && typeof options !== 'string') throw new MongoError(51106, `${operator} needs 'options' to be of type string`);
  try {
    return fromBson(regexOperator(expression, options ?? undefined));
  } catch (error) {
    if (!(error instanceof MongoError)) throw error;
    const code = { 51091: 51111, 51075: 51107 }[error.code] ?? error.code;
    throw new MongoError(code, error.message);
  }
}

const findRegex = (pattern: Pattern, input: string, deadline: Deadline | undefined): Value => describeMatch(pattern.exec(input, deadline), input);

const findAllRegex = (pattern: Pattern, input: string, deadline: Deadline | undefined): Value =>
  [...pattern.matchAll(input, deadline)].map((found) => describeMatch(found, input));

function describeMatch(found: RegExpExecArray | null, input: string): Value {
  if (!found) return null;
  const captures = found.slice(1).map((capture: string | undefined) => capture ?? null);
  return doc({ match: found[0], idx: integer([...input.slice(0, found.index)].length), captures });
}

const replace =
  (all: boolean): OperatorCompiler =>
  (operand, { compile }, operator) => {
    const fields = namedArguments(operand, operator, ['input', 'find', 'replacement']);
    const parts = ['input', 'find', 'replacement'].map((name) => compile(fields.get(name) ?? null));
    return (root, environment) => {
      const values = parts.map((part) => part(root, environment));
      if (values.some(isNullish)) return null;
      const [input = '', find = '', replacement = ''] = values.map((value, at) => text(value, operator, 51746 - at));
      return all ? input.replaceAll(find, () => replacement) : input.replace(find, () => replacement);
    };
  };

registerOperators({
  $concat: strict(0, MANY, concat),
  $toLower: changeCase((letter) => letter.toLowerCase(), /[A-Z]/g),
  $toUpper: changeCase((letter) => letter.toUpperCase(), /[a-z]/g),
  $substrCP: strict(3, 3, substring),
  $substr: strict(3, 3, byteSubstring),
  $substrBytes: strict(3, 3, byteSubstring),
  $strLenCP: unary((value) => integer([...text(value, '$strLenCP', 34471)].length)),
  $strLenBytes: unary((value) => integer(Buffer.byteLength(text(value, '$strLenBytes', 34473)))),
  $strcasecmp: binary((a, b) => integer(Math.sign(compareStrings(asText(a).toUpperCase(), asText(b).toUpperCase())))),
  $split: binary(split),
  $trim: trim(true, true),
  $ltrim: trim(true, false),
  $rtrim: trim(false, true),
  $indexOfCP: strict(2, 4, indexOf),
  $regexMatch: regex((pattern, input, deadline) => pattern.exec(input, deadline) !== null, false),
  $indexOfBytes: strict(2, 2, byteIndexOf),
  $regexFind: regex(findRegex, null),
  $regexFindAll: regex(findAllRegex, []),
  $replaceOne: replace(false),
  $replaceAll: replace(true),
  $isNumber: unary(isNumeric),
});
