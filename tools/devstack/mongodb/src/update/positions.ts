import { showValue } from '../bson/show';
import { type Doc, isDoc, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { compileFilter, type MatchScope } from '../query/matcher';
import { isIndex } from '../query/paths';
import type { Environment } from '../expressions/expression';

/** Tests the elements that `$[name]` stands for. */
export type ElementTest = (item: Value, environment: Environment) => boolean;

const IDENTIFIER = /^[a-z][a-zA-Z0-9]*$/;

/** Reads `arrayFilters`: each filter is about one identifier. */
export function parseArrayFilters(filters: Value[]): Map<string, ElementTest> {
  const tests = new Map<string, ElementTest>();
  for (const filter of filters) {
    if (!isDoc(filter)) throw new MongoError(14, 'arrayFilters must be objects');
    const name = identifierOf(filter);
    if (tests.has(name)) throw new MongoError(9, `Found multiple array filters with the same top-level field name ${name}`);
    const match = compileFilter(filter);
    tests.set(name, (item, environment) => match(new Map([[name, item]]), { environment }));
  }
  return tests;
}

function identifierOf(filter: Doc): string {
  const names = new Set<string>();
  for (const [key, value] of filter) {
    if (key === '$and' || key === '$or' || key === '$nor') {
      for (const branch of Array.isArray(value) ? value : []) if (isDoc(branch)) names.add(identifierOf(branch));
    } else {
      names.add(key.split('.')[0] ?? '');
    }
  }
  const [name] = names;
  if (name === undefined) throw new MongoError(9, 'Cannot use an expression without a top-level field name in arrayFilters');
  if (names.size > 1) throw new MongoError(9, `Error parsing array filter :: caused by :: Expected a single top-level field name, found '${[...names].join("' and '")}'`);
  if (!IDENTIFIER.test(name)) throw new MongoError(2, `Error parsing array filter :: caused by :: The top-level field name must be an alphanumeric string beginning with a lowercase letter, found '${name}'`);
  return name;
}

/** Throws FailedToParse (9) for a filter that no path uses, BadValue (2) for an identifier without a filter. */
export function checkArrayFilters(paths: string[], tests: ReadonlyMap<string, ElementTest>): void {
  const used = new Set<string>();
  for (const path of paths) {
    for (const part of path.split('.')) {
      const name = /^\$\[(.*)\]$/.exec(part)?.[1];
      if (name === undefined || name === '') continue;
      if (!tests.has(name)) throw new MongoError(2, `No array filter found for identifier '${name}' in path '${path}'`);
      used.add(name);
    }
  }
  for (const name of tests.keys()) {
    if (!used.has(name)) throw new MongoError(9, `The array filter for identifier '${name}' was not used in the update`);
  }
}

export interface Positions {
  scope: MatchScope;
  tests: ReadonlyMap<string, ElementTest>;
}

/** The concrete paths that a path with `$`, `$[]` or `$[name]` means in this document. */
export function expandPath(document: Doc, path: string, positions: Positions): string[][] {
  const parts = path.split('.');
  if (!path.includes('$')) return [parts];
  return expand(document, parts, [], positions, path);
}

function expand(value: Value | undefined, parts: string[], done: string[], positions: Positions, path: string): string[][] {
  const [part, ...rest] = parts;
  if (part === undefined) return [done];
  if (part === '$') {
    const index = positions.scope.arrayIndex;
    if (index === undefined) throw new MongoError(2, 'The positional operator did not find the match needed from the query.');
    return expand(child(value, String(index)), rest, [...done, String(index)], positions, path);
  }
  const name = /^\$\[(.*)\]$/.exec(part)?.[1];
  if (name === undefined) return expand(child(value, part), rest, [...done, part], positions, path);
  if (!Array.isArray(value)) {
    if (value === undefined) throw new MongoError(2, `The path '${done.join('.')}' must exist in the document in order to apply array updates.`);
    throw new MongoError(2, `Cannot apply array updates to non-array element ${done.at(-1) ?? ''}: ${showValue(value)}`);
  }
  const test = positions.tests.get(name);
  return value.flatMap((item, index) =>
    test && !test(item, positions.scope.environment) ? [] : expand(item, rest, [...done, String(index)], positions, path),
  );
}

const child = (value: Value | undefined, name: string): Value | undefined => {
  if (isDoc(value)) return value.get(name);
  return Array.isArray(value) && isIndex(name) ? value[Number(name)] : undefined;
};

