import { clone, type Doc, isDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { targetAt } from '../update/targets';
import { fieldPath } from '../query/paths';
import type { StageCompiler } from './pipeline';

/** Makes one document per element of an array. */
export const unwind: StageCompiler = (operand) => {
  const { path, indexField, preserve } = parseUnwind(operand);
  if (!path.startsWith('$') || path.length < 2) throw new MongoError(28818, `path option to $unwind stage should be prefixed with a '$': ${path}`);
  if (indexField?.startsWith('$')) throw new MongoError(28822, `includeArrayIndex option to $unwind stage should not be prefixed with a '$': ${indexField}`);
  const names = fieldPath(path.slice(1));
  const indexPath = indexField === undefined ? undefined : fieldPath(indexField);

  return function* unwound(input) {
    for (const document of input) {
      const value = plainGet(document, names);
      const items: Maybe[] = Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
      if (items.length === 0 && preserve) {
        const kept = clone(document);
        if (Array.isArray(value)) targetAt(kept, names, false)?.unset();
        if (indexPath) targetAt(kept, indexPath, true).set(null);
        yield kept;
      }
      for (const [index, item] of items.entries()) {
        const copy = withValue(document, names, item ?? null);
        yield indexPath ? withIndex(copy, indexPath, Array.isArray(value) ? BigInt(index) : null) : copy;
      }
    }
  };
};

function withIndex(document: Doc, path: [string, ...string[]], index: Value): Doc {
  if (path.length === 1) return document.set(path[0], index);
  const copy = clone(document);
  targetAt(copy, path, true).set(index);
  return copy;
}

interface Unwind {
  path: string;
  indexField?: string;
  preserve: boolean;
}

function parseUnwind(operand: Value): Unwind {
  if (typeof operand === 'string') return { path: operand, preserve: false };
  if (!isDoc(operand)) throw new MongoError(15981, `expected either a string or an object as specification for $unwind stage, got ${typeName(operand)}`);
  const result: Unwind = { path: '', preserve: false };
  for (const [name, value] of operand) {
    if (name === 'path') result.path = text(value, 28808, 'expected a string as the path for $unwind stage');
    else if (name === 'includeArrayIndex') result.indexField = text(value, 28810, 'expected a non-empty string for the includeArrayIndex option to $unwind stage');
    else if (name !== 'preserveNullAndEmptyArrays') throw new MongoError(28811, `unrecognized option to $unwind stage: ${name}`);
    else if (typeof value === 'boolean') result.preserve = value;
    else throw new MongoError(28809, `expected a boolean for the preserveNullAndEmptyArrays option to $unwind stage, got ${typeName(value)}`);
  }
  if (!operand.has('path')) throw new MongoError(28812, 'no path specified to $unwind stage');
  return result;
}

function text(value: Value, code: number, expected: string): string {
  if (typeof value === 'string' && (value !== '' || code === 28808)) return value;
  throw new MongoError(code, `${expected}, got ${typeName(value)}`);
}

/** Only documents are passed on the way, not arrays. */
function plainGet(document: Doc, names: string[]): Maybe {
  let value: Maybe = document;
  for (const name of names) value = isDoc(value) ? value.get(name) : undefined;
  return value;
}

/** A copy that shares all but the path. */
function withValue(document: Doc, [name = '', ...rest]: string[], value: Value): Doc {
  const copy: Doc = new Map(document);
  const inner = document.get(name);
  copy.set(name, rest.length > 0 && isDoc(inner) ? withValue(inner, rest, value) : value);
  return copy;
}
