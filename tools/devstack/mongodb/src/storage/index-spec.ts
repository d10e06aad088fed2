import { BSONRegExp } from 'bson';
import { toDouble, isNumeric, type Numeric, toInteger } from '../bson/numbers';
import { showValue } from '../bson/show';
import { type Doc, doc, int, isDoc, isOperatorDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError, notSupported, typeMismatch } from '../errors';
import { compileFilter, type Match } from '../query/matcher';
import { combinationKey, eachCombination } from '../query/combinations';
import { isTruthy } from '../query/operators';
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
  if (key === undefined) throw new MongoError(9, "The 'key' field is a required property of an index specification");
  if (!isDoc(key) || key.size === 0) throw new MongoError(67, 'Index keys cannot be empty.');
  const fields = [...key].map(([path, direction]) => parseField(path, direction));
  const name = raw.get('name') ?? null;
  if (typeof name !== 'string') throw typeMismatch(`The field 'name' must be a string, but got ${typeName(name)}`);
  if (name === '') throw new MongoError(67, 'index names must be nonempty strings');
  const filter = raw.get('partialFilterExpression');
  if (filter !== undefined && !isDoc(filter)) throw new MongoError(67, '"partialFilterExpression" must be an object');
  if (filter) checkPartial(filter);
  const seconds = raw.get('expireAfterSeconds');
  if (seconds !== undefined && !isNumeric(seconds)) throw typeMismatch(`The field 'expireAfterSeconds' must be a number, but got ${typeName(seconds)}`);
  if (seconds !== undefined && key.has('_id')) throw new MongoError(67, "The field 'expireAfterSeconds' is not valid for an _id index specification.");
  const expireAfterSeconds = seconds === undefined ? undefined : checkSeconds(seconds);
  if (seconds !== undefined && fields.length > 1) throw new MongoError(67, 'TTL indexes are single-field indexes, compound indexes do not support TTL');
  if (flag(raw, 'sparse') && filter) throw new MongoError(67, 'cannot mix "partialFilterExpression" and "sparse" options');
  return {
    name,
    key,
    fields,
    roots: rootsOf(key, filter),
    unique: flag(raw, 'unique'),
    sparse: flag(raw, 'sparse'),
    partial: filter && { filter, match: compileFilter(filter) },
    expireAfterSeconds,
    raw: describe(raw, key, name),
  };
}

const MAX_SECONDS = 2 ** 31 - 1;

function checkSeconds(value: Value): number {
  const seconds = toInteger(value);
  if (seconds !== undefined && seconds >= 0 && seconds <= MAX_SECONDS) return seconds;
  if (toDouble(value as Numeric) < 0) throw new MongoError(67, "TTL index 'expireAfterSeconds' option cannot be less than 0");
  throw new MongoError(67, `TTL index 'expireAfterSeconds' option must be within an acceptable range, try a different number than ${String(value)}`);
}

function flag(raw: Doc, name: string): boolean {
  const value = raw.get(name) ?? false;
  if (typeof value === 'boolean') return value;
  if (isNumeric(value)) return toDouble(value) !== 0;
  throw typeMismatch(`The field '${name}' has value ${name}: ${showValue(value)}, which is not convertible to bool`);
}

/** What the filter of a partial index may ask for. */
const PARTIAL_OPERATORS = new Set(['$eq', '$in', '$gt', '$gte', '$lt', '$lte', '$type', '$exists']);

function checkPartial(filter: Doc): void {
  for (const [name, operand] of filter) {
    const branches = name === '$and' || name === '$or';
    if (branches && Array.isArray(operand)) for (const branch of operand) if (isDoc(branch)) checkPartial(branch);
    if (name.startsWith('$') && !branches) throw unsupportedPartial(name);
    if (operand instanceof BSONRegExp) throw unsupportedPartial('$regex');
    if (!isDoc(operand) || !isOperatorDoc(operand)) continue;
    for (const [operator, value] of operand) {
      if (!PARTIAL_OPERATORS.has(operator) || (operator === '$exists' && !isTruthy(value))) throw unsupportedPartial(operator);
    }
  }
}

const unsupportedPartial = (name: string) => new MongoError(67, `Expression not supported in partial index: ${name}`);

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

/** Kinds of index that MongoDB has and this server has not. */
const OTHER_TYPES = new Set(['text', '2d', '2dsphere', 'hashed', 'wildcard', 'columnstore', 'queryable_encrypted_range']);

function parseField(path: string, direction: Value): SortField {
  if (typeof direction === 'string' && !OTHER_TYPES.has(direction)) throw new MongoError(67, `Unknown index plugin '${direction}'`);
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
  for (const option of ['unique', 'sparse']) if (flag(raw, option)) result.set(option, true);
  for (const option of ['partialFilterExpression', 'expireAfterSeconds']) {
    const value = raw.get(option);
    if (value !== undefined) result.set(option, option === 'expireAfterSeconds' ? int(checkSeconds(value)) : value);
  }
  return result;
}

/** A key, and the values that it stands for. */
export interface IndexKey {
  bytes: Buffer;
  values: Maybe[];
}

export interface IndexKeys {
  keys: IndexKey[];
  /** Whether an array was expanded. */
  multikey: boolean;
}

/** The keys that a document has in an index: one per array element; none if it is left out. */
export function indexKeys(spec: IndexSpec, document: Doc): IndexKeys {
  if (spec.partial && !spec.partial.match(document, { environment: NO_ENVIRONMENT })) return { keys: [], multikey: false };
  const found = new Map<string, IndexKey>();
  const multikey = eachCombination(document, spec.fields.map(({ path }) => splitPath(path)), (values) => {
    if (spec.sparse && values.every((value) => value === undefined)) return;
    const bytes = combinationKey(values, spec.fields.map(({ descending }) => descending));
    found.set(bytes.toString('latin1'), { bytes, values });
  });
  return { keys: [...found.values()], multikey };
}

const NO_ENVIRONMENT = { now: new Date(0), variables: new Map<string, Maybe>() };
