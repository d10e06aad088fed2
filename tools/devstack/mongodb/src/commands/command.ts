import { toInteger } from '../bson/numbers';
import { type Doc, isDoc, type Maybe, typeName, type Value } from '../bson/values';
import { Deadline } from '../deadline';
import { MongoError, notSupported, typeMismatch } from '../errors';
import { variableName } from '../expressions/arguments';
import { compileExpression, type Environment } from '../expressions/expression';
import type { Collection } from '../storage/collection';
import type { Cursors } from '../storage/cursors';
import { checkNamespace, type Store } from '../storage/store';

/** One command that a client sent. */
export interface Request {
  store: Store;
  cursors: Cursors;
  /** The command's name is its first field. */
  name: string;
  body: Doc;
  database: string;
  connectionId: number;
  now: Date;
  /** Absent: without `maxTimeMS`. */
  deadline?: Deadline;
}

export interface Command {
  /** Fields that the command knows besides the general ones; all others are errors. */
  fields: string[];
  run(request: Request): Doc;
}

const GENERAL_FIELDS = new Set([
  '$db', 'lsid', '$clusterTime', 'readConcern', 'writeConcern', '$readPreference', 'comment', 'maxTimeMS', 'collation',
  'apiVersion', 'apiStrict', 'apiDeprecationErrors',
]);
const TRANSACTION_FIELDS = ['txnNumber', 'autocommit', 'startTransaction'];
const READ_CONCERNS = new Set<Maybe>([undefined, 'local', 'available', 'majority']);

/** Refuses what the server would otherwise have to ignore. */
export function checkRequest({ name, body }: Request, { fields }: Command): void {
  for (const field of TRANSACTION_FIELDS) {
    if (body.has(field)) throw new MongoError(20, 'Transaction numbers are only allowed on a replica set member or mongos');
  }
  for (const field of body.keys()) {
    if (field === name || GENERAL_FIELDS.has(field) || fields.includes(field)) continue;
    throw new MongoError(40415, `BSON field '${name}.${field}' is an unknown field.`);
  }
  refuseCollation(body);
  boolField(body, 'ordered');
  checkConcerns(body);
}

/** Only the simple collation, which compares bytes, is there. */
export function refuseCollation(body: Doc): void {
  const collation = docField(body, 'collation');
  if (collation === undefined || collation.size === 0 || collation.get('locale') === 'simple') return;
  throw notSupported('A collation');
}

const WRITE_CONCERN_FIELDS = ['w', 'j', 'wtimeout', 'fsync', 'provenance'];

function checkConcerns(body: Doc): void {
  const read = docField(body, 'readConcern');
  if (read) {
    if (read.get('level') === 'linearizable' || read.get('level') === 'snapshot') {
      throw new MongoError(123, `read concern ${String(read.get('level'))} is only there on a replica set`);
    }
    if (!READ_CONCERNS.has(read.get('level'))) throw new MongoError(2, "Enumeration value for field 'readConcern.level' is not a valid value.");
  }
  const write = docField(body, 'writeConcern') ?? new Map<string, Value>();
  checkFields(write, WRITE_CONCERN_FIELDS, 'writeConcern');
  const w = write.get('w');
  if (typeof w === 'string' && w !== 'majority') throw new MongoError(2, "cannot use non-majority 'w' mode when a host is not a member of a replica set");
  const copies = toInteger(w);
  if (copies !== undefined && copies > 1) throw new MongoError(2, "cannot use 'w' > 1 when a host is not replicated");
}

/** The namespace that the command's first field names. */
export function namespaceOf({ name, body, database }: Request): string {
  const collection = body.get(name);
  if (typeof collection !== 'string') throw new MongoError(73, `collection name has invalid type ${typeName(collection)}`);
  const namespace = `${database}.${collection}`;
  checkNamespace(namespace);
  return namespace;
}

export const findCollection = (request: Request): Collection | undefined => request.store.find(namespaceOf(request));

export function docField(body: Doc, name: string): Doc | undefined {
  const value = body.get(name);
  if (value === undefined || isDoc(value)) return value;
  throw typeMismatch(`BSON field '${name}' is the wrong type '${typeName(value)}', expected type 'object'`);
}

export function arrayField(body: Doc, name: string): Value[] | undefined {
  const value = body.get(name);
  if (value === undefined || Array.isArray(value)) return value;
  throw typeMismatch(`BSON field '${name}' is the wrong type '${typeName(value)}', expected type 'array'`);
}

export function docsField(body: Doc, name: string): Doc[] {
  const items = arrayField(body, name);
  if (!items) throw new MongoError(40414, `BSON field '${name}' is missing but a required field`);
  return items.map((item) => {
    if (isDoc(item)) return item;
    throw typeMismatch(`BSON field '${name}' holds the wrong type '${typeName(item)}', expected type 'object'`);
  });
}

export function boolField(body: Doc, name: string): boolean {
  const value = body.get(name);
  if (value === undefined) return false;
  if (typeof value === 'boolean') return value;
  const number = toInteger(value);
  if (number === undefined) throw typeMismatch(`BSON field '${name}' is the wrong type '${typeName(value)}', expected type 'bool'`);
  return number !== 0;
}

/** A whole number from 0. */
export function countField(body: Doc, name: string): number | undefined {
  const value = body.get(name);
  if (value === undefined || value === null) return undefined;
  const number = toInteger(value);
  if (number === undefined) throw typeMismatch(`BSON field '${name}' is the wrong type '${typeName(value)}', expected type 'long'`);
  if (number < 0) throw new MongoError(51024, `BSON field '${name}' value must be >= 0, actual value '${number}'`);
  return number;
}

/** From `maxTimeMS`; 0 is no limit. */
export function deadlineOf(body: Doc): Deadline | undefined {
  const milliseconds = countField(body, 'maxTimeMS') ?? 0;
  return milliseconds === 0 ? undefined : new Deadline(milliseconds);
}

/** The size of the first batch, in `cursor` of the command. */
export function batchSizeOf(body: Doc): number | undefined {
  const cursor = docField(body, 'cursor');
  if (!cursor) return undefined;
  checkFields(cursor, ['batchSize'], 'cursor');
  return countField(cursor, 'batchSize');
}

/** `$$NOW`, the variables of `let`, and the time that is left. */
export function environmentOf({ now, deadline }: Request, variables: Doc | undefined): Environment {
  const empty: Environment = { now, deadline, variables: new Map() };
  const values = new Map<string, Maybe>();
  for (const [name, value] of variables ?? []) values.set(variableName(name), compileExpression(value)(new Map(), empty));
  return { ...empty, variables: values };
}

/** Options of one statement inside a command. */
export function checkFields(statement: Doc, known: string[], where: string): void {
  for (const field of statement.keys()) {
    if (!known.includes(field)) throw new MongoError(40415, `BSON field '${where}.${field}' is an unknown field.`);
  }
}
