import { BSONRegExp, ObjectId } from 'bson';
import { decodeDocument, repeatsId } from '../bson/decode';
import { type Doc, type Maybe, RawDocument, type Value } from '../bson/values';
import { badValue, failedToParse, MongoError } from '../errors';
import type { Environment } from '../expressions/expression';
import { compileFilter } from '../query/matcher';
import type { SortField } from '../query/sort';
import { type Collection, MAX_STORED_DEPTH } from '../storage/collection';
import { makePlan } from '../storage/planner';
import { type Found, type Query, read } from '../storage/reader';
import type { Update } from '../update/update';
import { seedFromFilter } from '../update/upsert';

/** Which documents a write is about. */
export interface Selection {
  filter: Doc;
  sort: SortField[];
  hint?: Value;
  environment: Environment;
}

export function selectionQuery(collection: Collection, { filter, sort, hint, environment }: Selection, limit: number): Query {
  return {
    plan: makePlan(collection, filter, sort, hint),
    match: compileFilter(filter, environment.variables.keys()),
    sort,
    skip: 0,
    limit,
    scope: { environment },
  };
}

export function firstMatch(collection: Collection, selection: Selection): Found | undefined {
  const [found] = read(collection, selectionQuery(collection, selection, 1));
  return found;
}

/** Inserts a document; it is stored in the bytes it came in, if there are some and they begin with `_id`. */
export function insertDocument(collection: Collection, source: Doc | RawDocument): Value {
  const document = source instanceof RawDocument ? decodeDocument(source.bytes, 0, MAX_STORED_DEPTH) : source;
  if (repeatsId(document)) throw badValue("can't have multiple _id fields in one document");
  const [first] = document.keys();
  if (first !== '_id') return insertDocument(collection, withId(document));
  const id = document.get('_id') ?? null;
  checkId(id);
  collection.insert(document, source instanceof RawDocument ? source.bytes : undefined);
  return id;
}

/** Adds `_id` where it is missing, and puts it first. */
function withId(document: Doc): Doc {
  const id = document.get('_id') ?? (document.has('_id') ? null : new ObjectId());
  const ordered: Doc = new Map([['_id', id]]);
  for (const [name, value] of document) if (name !== '_id') ordered.set(name, value);
  return ordered;
}

function checkId(id: Value): void {
  if (Array.isArray(id)) throw new MongoError(53, "The '_id' value cannot be of type array");
  if (id instanceof BSONRegExp) throw new MongoError(53, "The '_id' value cannot be of type regex");
  if (id instanceof Map) {
    for (const name of id.keys()) if (name.startsWith('$')) throw new MongoError(52, `_id fields may not contain '$'-prefixed fields: ${name} is not valid for storage.`);
  }
}

export interface UpdateResult {
  matched: number;
  modified: number;
  upsertedId?: Maybe;
}

export interface UpdateStatement extends Selection {
  update: Update;
  multi: boolean;
  upsert: boolean;
}

export function runUpdate(collection: Collection, statement: UpdateStatement): UpdateResult {
  const { update, multi, upsert, environment } = statement;
  if (multi && update.replaces) throw failedToParse('multi update is not supported for replacement-style update');
  const rows = multi ? [...rowsOf(collection, statement)] : undefined;
  let matched = 0;
  let modified = 0;
  if (rows) {
    // Found first and changed then, so that no document is met again where its change moved it.
    const match = compileFilter(statement.filter, environment.variables.keys());
    for (const rowid of rows) {
      environment.deadline?.tick();
      const bytes = collection.get(rowid);
      if (!bytes) continue;
      const before = decodeDocument(bytes);
      const scope = { environment };
      if (!match(before, scope)) continue;
      matched += 1;
      if (collection.replace({ rowid, bytes }, before, update.apply(before, scope, false))) modified += 1;
    }
  } else {
    const found = firstMatch(collection, statement);
    if (found) {
      matched = 1;
      if (collection.replace(found, found.document, update.apply(found.document, found.scope, false))) modified = 1;
    }
  }
  if (matched > 0 || !upsert) return { matched, modified };
  return { matched: 0, modified: 0, upsertedId: insertDocument(collection, upsertedDocument(statement)) };
}

function* rowsOf(collection: Collection, selection: Selection): Generator<number> {
  for (const { rowid } of read(collection, selectionQuery(collection, selection, Infinity))) yield rowid;
}

/** The document that an upsert inserts. */
export function upsertedDocument({ filter, update, environment }: UpdateStatement): Doc {
  const seed = seedFromFilter(filter);
  const id = seed.get('_id');
  const base = update.replaces ? new Map<string, Value>(id === undefined ? [] : [['_id', id]]) : seed;
  return update.apply(base, { environment }, true);
}

/** Removes one or all matching documents; answers how many. */
export function runDelete(collection: Collection, selection: Selection, single: boolean): number {
  let removed = 0;
  // A read goes on by key, so what is removed behind it does not disturb it.
  for (const { rowid, document } of read(collection, selectionQuery(collection, selection, single ? 1 : Infinity))) {
    collection.remove(rowid, document);
    removed += 1;
  }
  return removed;
}
