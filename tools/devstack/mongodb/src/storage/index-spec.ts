import { AFTER, encodeKey } from '../bson/key';
import { toDouble, isNumeric, toInteger } from '../bson/numbers';
import { type Doc, doc, int, isDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError, notSupported } from '../errors';
import { compileFilter, type Match } from '../query/matcher';
import { isIndex, splitPath } from '../query/paths';
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

interface Part {
  value: Maybe;
  rest: string[];
}

/** The keys that a document has in an index: one per array element; none if it is left out. */
export function indexKeys(spec: IndexSpec, document: Doc): IndexKeys {
  if (spec.partial && !spec.partial.match(document, { environment: NO_ENVIRONMENT })) return { keys: [], multikey: false };
  const found = new Map<string, Buffer>();
  const parts = spec.fields.map(({ path }) => ({ value: document, rest: splitPath(path) }));
  const multikey = expand(parts, (values) => {
    if (spec.sparse && values.every((value) => value === undefined)) return;
    const key = Buffer.concat(values.map((value, at) => encodeEntry(value, spec.fields[at]?.descending ?? false)));
    found.set(key.toString('latin1'), key);
  });
  return { keys: [...found.values()], multikey };
}

const NO_ENVIRONMENT = { now: new Date(0), variables: new Map<string, Maybe>() };

/** An index does not tell a missing field from null; an empty array has a key of its own. */
const encodeEntry = (value: Maybe, descending: boolean): Buffer =>
  Array.isArray(value) && value.length === 0 ? encodeKey(undefined, descending) : encodeKey(value ?? null, descending);

function expand(parts: Part[], emit: (values: Maybe[]) => void): boolean {
  const reached = parts.map(advance);
  const arrays = new Set(reached.flatMap(({ value, open }) => (open && Array.isArray(value) && value.length > 0 ? [value] : [])));
  if (arrays.size > 1) throw new MongoError(171, 'cannot index parallel arrays');
  const [array] = arrays;
  if (!array) {
    emit(reached.map(({ value, rest }) => (rest.length === 0 ? value : undefined)));
    return reached.some(({ value, open }) => open && Array.isArray(value));
  }
  for (const item of array) {
    expand(reached.map((part) => (part.open && part.value === array ? inside(part, item) : part)), emit);
  }
  return true;
}

interface Reached extends Part {
  /** Whether an array here is still to be expanded. */
  open: boolean;
}

/** An element of an array is not expanded again. */
function inside({ rest }: Part, item: Value): Reached {
  if (rest.length === 0 || !isDoc(item)) return { value: rest.length === 0 ? item : undefined, rest: [], open: false };
  return { value: item, rest, open: true };
}

function advance(part: Part & { open?: boolean }): Reached {
  if (part.open === false) return { ...part, open: false };
  let { value } = part;
  let at = 0;
  for (; at < part.rest.length; at++) {
    const name = part.rest[at] ?? '';
    if (isDoc(value)) value = value.get(name);
    else if (Array.isArray(value) && isIndex(name) && Number(name) < value.length) value = value[Number(name)];
    else if (Array.isArray(value)) break;
    else return { value: undefined, rest: [], open: false };
  }
  return { value, rest: part.rest.slice(at), open: true };
}

/** The key that is greater than every key that starts with this one. */
export const afterKey = (key: Buffer): Buffer => Buffer.concat([key, AFTER]);
