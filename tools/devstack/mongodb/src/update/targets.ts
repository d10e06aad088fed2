import { showValue } from '../bson/show';
import { type Doc, isDoc, type Maybe, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { isIndex } from '../query/paths';

/** An array may not be padded with nulls by more than this in one update; MongoDB's own limit. */
const MAX_PADDING = 1_500_000;

/** A place in a document that an update operator reads and writes. */
export interface Target {
  get(): Maybe;
  set(value: Value): void;
  /** Removes a field; an array element becomes null. */
  unset(): void;
}

/**
 * Finds the place that `path` names. With `create`, documents are made on the way when something is set, and a scalar
 * on the way is PathNotViable (28); without it there may be no place.
 */
export function targetAt(document: Doc, path: string[], create: true): Target;
export function targetAt(document: Doc, path: string[], create: boolean): Target | undefined;
export function targetAt(document: Doc, path: string[], create: boolean): Target | undefined {
  let parent: Doc | Value[] = document;
  for (let at = 0; at < path.length - 1; at++) {
    const name = path[at] ?? '';
    const next: Maybe = read(parent, name);
    if (isDoc(next) || Array.isArray(next)) {
      parent = next;
    } else if (next !== undefined) {
      if (create) throw notViable(path, at, name, next);
      return undefined;
    } else {
      return create ? futureTarget(parent, path, at) : undefined;
    }
  }
  return lastTarget(parent, path, create);
}

function lastTarget(parent: Doc | Value[], path: string[], create: boolean): Target | undefined {
  const name = path.at(-1) ?? '';
  if (Array.isArray(parent) && !isIndex(name)) {
    if (create) throw notViable(path, path.length - 2, path.at(-2) ?? '', parent);
    return undefined;
  }
  return {
    get: () => read(parent, name),
    set: (value) => write(parent, name, value),
    unset: () => {
      if (!Array.isArray(parent)) parent.delete(name);
      else if (Number(name) < parent.length) parent[Number(name)] = null;
    },
  };
}

/** A place whose parents are made when a value is set. */
function futureTarget(parent: Doc | Value[], path: string[], at: number): Target {
  if (Array.isArray(parent) && !isIndex(path[at] ?? '')) throw notViable(path, at - 1, path[at - 1] ?? '', parent);
  return {
    get: () => undefined,
    unset: () => undefined,
    set: (value) => {
      let container: Value = value;
      for (const name of path.slice(at + 1).reverse()) container = new Map([[name, container]]);
      write(parent, path[at] ?? '', container);
    },
  };
}

/** Throws PathNotViable (28) where a path that is not there could not be made either. */
export function checkViable(document: Doc, path: string[]): void {
  let parent: Maybe = document;
  for (const [at, name] of path.entries()) {
    const isPlace: boolean = isDoc(parent) || (Array.isArray(parent) && isIndex(name));
    if (!isPlace) {
      throw new MongoError(28, `Cannot use the part (${path[at - 1] ?? ''} of ${path.join('.')}) to traverse the element ({${path[at - 1] ?? ''}: ${showValue(parent ?? null)}})`);
    }
    parent = isDoc(parent) || Array.isArray(parent) ? read(parent, name) : undefined;
    if (parent === undefined) return;
  }
}

function read(parent: Doc | Value[], name: string): Maybe {
  if (!Array.isArray(parent)) return parent.get(name);
  return isIndex(name) ? parent[Number(name)] : undefined;
}

function write(parent: Doc | Value[], name: string, value: Value): void {
  if (!Array.isArray(parent)) {
    parent.set(name, value);
    return;
  }
  const index = Number(name);
  if (index - parent.length > MAX_PADDING) throw new MongoError(2, `can't backfill more than ${MAX_PADDING} elements`);
  while (parent.length < index) parent.push(null);
  parent[index] = value;
}

const notViable = (path: string[], at: number, name: string, found: Value) =>
  new MongoError(28, `Cannot create field '${path[at + 1] ?? ''}' in element {${name}: ${showValue(found)}}`);
