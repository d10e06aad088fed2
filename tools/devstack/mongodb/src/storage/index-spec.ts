import { AFTER } from '../bson/key';
import { toDouble, isNumeric, toInteger } from '../bson/numbers';
import { type Doc, doc, int, isDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError, notSupported } from '../errors';
import { compileFilter, type Match } from '../query/matcher';
import { combinationKey, eachCombination } from '../query/combinations';
import { splitPath } from '../query/paths';
import type { SortField } from '../query/sort';

/** What an index is, as `createIndexes` says it. */
export interface IndexSpec {
  name: string;
  key: Doc;
  fields: SortField[];
  /** The top-level fields that its keys depend on. */
  roots: string[];
  unique: boolean;
  sparse: boolean;
  partial?: { filter: Doc; match: Match };
  expireAfterSeconds?: number;
  /** As `listIndexes` shows it. */
  raw: Doc;
}

const OPTIONS = new Set(['v', 'key', 'name', 'unique', 'sparse', 'partialFilterExpression', 'expireAfterSeconds', 'background', 'ns', 'hidden', 'collation']);

export function parseIndexSpec(raw: Doc): IndexSpec {
  for (const name of raw.keys()) if (!OPTIONS.has(name)) refuseOption(name);
  refuseValues(raw);
  const key = raw.get('key');
  if (!isDoc(key) || key.size === 0) throw new MongoError(67, 'Index keys cannot be empty.');
  const fields = [...key].map(([path, direction]) => parseField(path, direction));
  const name = raw.get('name') ?? fields.map(({ path, descending }) => `${path}_${descending ? -1 : 1}`).join('_');
  if (typeof name !== 'string' || name === '') throw new MongoError(67, 'index names must be nonempty strings');
  const filter = raw.get('partialFilterExpression');
  if (filter !== undefined && !isDoc(filter)) throw new MongoError(67, '"partialFilterExpression" must be an object');
  const seconds = raw.get('expireAfterSeconds');
  if (seconds !== undefined && (!isNumeric(seconds) || toDouble(seconds) < 0)) {
    throw new MongoError(67, `TTL index 'expireAfterSeconds' option must be a number from 0, not ${String(seconds)}`);
  }
  if (seconds !== undefined && fields.length > 1) throw new MongoError(67, 'TTL indexes are single-field indexes, compound indexes do not support TTL');
  if (raw.get('sparse') === true && filter) throw new MongoError(67, 'cannot mix "partialFilterExpression" and "sparse" options');
  return {
    name,
    key,
    fields,
    roots: rootsOf(key, filter),
    unique: raw.get('unique') === true,
    sparse: raw.get('sparse') === true,
    partial: filter && { filter, match: compileFilter(filter) },
    expireAfterSeconds: seconds === undefined ? undefined : toDouble(seconds),
    raw: describe(raw, key, name),
  };
}

function rootsOf(key: Doc, filter: Doc | undefined): string[] {
  const paths = [...key.keys(), ...(filter ? pathsOf(filter) : [])];
  return [...new Set(paths.map((path) => path.split('.')[0] ?? path))];
}

/** All paths that a partial index's filter names. */
function pathsOf(filter: Doc): string[] {
  return [...filter].flatMap(([name, operand]) => {
    if (!name.startsWith('$')) return [name];
    if (name !== '$and' && name !== '$or') throw new MongoError(67, `unsupported expression in partial index: ${name}`);
    return Array.isArray(operand) ? operand.filter(isDoc).flatMap(pathsOf) : [];
  });
}

function refuseOption(name: string): never {
  throw new MongoError(197, `The field '${name}' is not valid for an index specification, or not supported by the embedded development server`);
}

function refuseValues(raw: Doc): void {
  const collation = raw.get('collation');
  if (collation !== undefined && !(isDoc(collation) && collation.get('locale') === 'simple')) throw notSupported('A collation');
  if (raw.get('hidden') === true) throw notSupported('A hidden index');
}

function parseField(path: string, direction: Value): SortField {
  if (typeof direction === 'string') throw notSupported(`An index of type '${direction}'`);
  if (!isNumeric(direction) || toDouble(direction) === 0) {
    throw new MongoError(67, `Values in the index key pattern must be numbers other than 0, not ${typeName(direction)}: ${path}`);
  }
  if (path.includes('$')) throw notSupported(`A wildcard index (${path})`);
  if (splitPath(path).some((part) => part === '')) throw new MongoError(67, `Index key contains an empty field: ${path}`);
  return { path, descending: toDouble(direction) < 0 };
}

function describe(raw: Doc, key: Doc, name: string): Doc {
  const result = doc({ v: int(2), key, name });
  for (const option of ['unique', 'sparse']) if (raw.get(option) === true) result.set(option, true);
  for (const option of ['partialFilterExpression', 'expireAfterSeconds']) {
    const value = raw.get(option);
    if (value !== undefined) result.set(option, option === 'expireAfterSeconds' ? int(toInteger(value) ?? 2 ** 31 - 1) : value);
  }
  return result;
}

export interface IndexKeys {
  keys: Buffer[];
  /** Whether an array was expanded. */
  multikey: boolean;
}

/** The keys that a document has in an index: one per array element; none if it is left out. */
export function indexKeys(spec: IndexSpec, document: Doc): IndexKeys {
  if (spec.partial && !spec.partial.match(document, { environment: NO_ENVIRONMENT })) return { keys: [], multikey: false };
  const found = new Map<string, Buffer>();
  const multikey = eachCombination(document, spec.fields.map(({ path }) => splitPath(path)), (values) => {
    if (spec.sparse && values.every((value) => value === undefined)) return;
    const key = combinationKey(values, spec.fields.map(({ descending }) => descending));
    found.set(key.toString('latin1'), key);
  });
  return { keys: [...found.values()], multikey };
}

const NO_ENVIRONMENT = { now: new Date(0), variables: new Map<string, Maybe>() };

/** The key that is greater than every key that starts with this one. */
export const afterKey = (key: Buffer): Buffer => Buffer.concat([key, AFTER]);
