import { isDoc, type Maybe } from '../bson/values';
import { MongoError } from '../errors';

/** Called with each value that a path leads to, and the index of the outermost array that was passed on the way. */
export type Visit = (value: Maybe, arrayIndex: number | undefined) => boolean;

const INDEX = /^(0|[1-9]\d*)$/;

export const isIndex = (name: string): boolean => INDEX.test(name);

export const splitPath = (path: string): string[] => path.split('.');

/** The names of a path in a sort, a projection or an expression; throws what MongoDB does for a malformed one. */
export function fieldPath(path: string): [string, ...string[]] {
  if (path === '') throw new MongoError(40352, 'FieldPath cannot be constructed with empty string');
  if (path.endsWith('.')) throw new MongoError(40353, "FieldPath must not end with a '.'.");
  const [first = '', ...rest] = splitPath(path);
  for (const name of [first, ...rest]) {
    if (name === '') throw new MongoError(15998, 'FieldPath field names may not be empty strings.');
    if (name.startsWith('$')) throw new MongoError(16410, "FieldPath field names may not start with '$'. Consider using $getField or $setField.");
    if (name.includes('\0')) throw new MongoError(16411, 'FieldPath field names may not contain null bytes.');
  }
  return [first, ...rest];
}

/**
 * Follows a path as a query does: arrays on the way are passed element by element. Stops at the first visit that
 * answers true, and answers whether there was one. A field that is not there is visited as `undefined`.
 */
export function visitPath(value: Maybe, path: string[], visit: Visit, at = 0, arrayIndex?: number): boolean {
  const name = path[at];
  if (name === undefined) return visit(value, arrayIndex);
  if (isDoc(value)) return visitPath(value.get(name), path, visit, at + 1, arrayIndex);
  if (!Array.isArray(value)) return visit(undefined, arrayIndex);
  if (isIndex(name) && Number(name) < value.length) {
    if (visitPath(value[Number(name)], path, visit, at + 1, arrayIndex)) return true;
  }
  return value.some((item, index) => isDoc(item) && visitPath(item, path, visit, at, arrayIndex ?? index));
}
