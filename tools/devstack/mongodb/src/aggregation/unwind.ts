import { clone, type Doc, isDoc, type Maybe, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { targetAt } from '../update/targets';
import { StageOptions } from './options';
import type { StageCompiler } from './pipeline';

/** Makes one document per element of an array. */
export const unwind: StageCompiler = (operand) => {
  const options = new StageOptions(typeof operand === 'string' ? new Map([['path', operand]]) : operand, '$unwind', [
    'path',
    'includeArrayIndex',
    'preserveNullAndEmptyArrays',
  ]);
  const path = options.string('path');
  if (!path.startsWith('$') || path.length < 2) throw new MongoError(28818, `path option to $unwind stage should be prefixed with a '$': ${path}`);
  const indexField = options.optionalString('includeArrayIndex');
  if (indexField?.startsWith('$')) throw new MongoError(28822, `includeArrayIndex option to $unwind stage should not be prefixed with a '$': ${indexField}`);
  const preserve = options.get('preserveNullAndEmptyArrays') === true;
  const names = path.slice(1).split('.');

  return function* unwound(input) {
    for (const document of input) {
      const value = plainGet(document, names);
      const items: Maybe[] = Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
      if (items.length === 0 && preserve) {
        const kept = clone(document);
        if (Array.isArray(value)) targetAt(kept, names, false)?.unset();
        if (indexField) kept.set(indexField, null);
        yield kept;
      }
      for (const [index, item] of items.entries()) {
        const copy = withValue(document, names, item ?? null);
        if (indexField) copy.set(indexField, Array.isArray(value) ? BigInt(index) : null);
        yield copy;
      }
    }
  };
};

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
