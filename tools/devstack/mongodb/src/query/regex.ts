import { BSONRegExp } from 'bson';
import { badValue, MongoError, notSupported } from '../errors';
import { Pattern } from './pattern';
import { translatePcre } from './pcre';

const INLINE_OPTIONS = /^\(\?([imsx]+)\)/;

/** The JavaScript form of a MongoDB (PCRE) expression. The option `x` is refused. */
export function toPattern(pattern: string, options: string): Pattern {
  if (pattern.includes('\0')) throw new MongoError(51109, 'Regular expression cannot contain an embedded null byte');
  const inline = INLINE_OPTIONS.exec(pattern);
  const body = inline ? pattern.slice(inline[0].length) : pattern;
  const flags = new Set([...options, ...(inline?.[1] ?? '')]);
  flags.delete('u');
  for (const flag of flags) {
    if (flag === 'x') throw notSupported("The regular expression option 'x'");
    if (!'ims'.includes(flag)) throw new MongoError(51108, `invalid flag in regex options: ${flag}`);
  }
  try {
    return new Pattern(translatePcre(body, flags), [...flags].filter((flag) => flag !== 'm').join(''));
  } catch (error) {
    if (error instanceof SyntaxError) throw new MongoError(51091, `Regular expression is invalid: ${error.message}`);
    throw error;
  }
}

export const fromBson = (value: BSONRegExp): Pattern => toPattern(value.pattern, value.options);

/** The `$regex` operator with its `$options`. */
export function regexOperator(pattern: unknown, options: unknown): BSONRegExp {
  if (options !== undefined && typeof options !== 'string') throw badValue('$options has to be a string');
  if (pattern instanceof BSONRegExp) {
    if (options && pattern.options) throw new MongoError(51075, 'options set in both $regex and $options');
    return new BSONRegExp(pattern.pattern, options ?? pattern.options);
  }
  if (typeof pattern !== 'string') throw badValue('$regex has to be a string');
  return withOptions(pattern, options ?? '');
}

/** Refuses what BSONRegExp itself would not take, with MongoDB's codes. */
function withOptions(pattern: string, options: string): BSONRegExp {
  toPattern(pattern, options);
  return new BSONRegExp(pattern, options);
}
