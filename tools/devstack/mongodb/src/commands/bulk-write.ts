import { toInteger } from '../bson/numbers';
import { type Doc, doc, int, integer, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { batchSizeOf, boolField, checkFields, type Command, docsField, refuseCollation, type Request } from './command';
import { checkNamespace } from '../storage/store';
import { insertDocument, runDelete, runUpdate } from './statements';
import { hintOf } from './read';
import { checkUpdate, parseSelection, parseUpdate, requiredDoc, runStatements } from './write';

const RESULTS_NAMESPACE = 'admin.$cmd.bulkWrite';

type Counter = 'nInserted' | 'nMatched' | 'nModified' | 'nUpserted' | 'nDeleted';
type Counts = Record<Counter, number>;

/** The result of one operation, without its index. */
type Outcome = Record<string, Value>;

/** `client.bulkWrite()`: writes to several collections in one command. */
function bulkWrite(request: Request): Doc {
  const { body, cursors } = request;
  if (request.database !== 'admin') throw new MongoError(13, 'bulkWrite may only be run against the admin database.');
  const namespaces = docsField(body, 'nsInfo').map((info) => String(info.get('ns')));
  namespaces.forEach(checkNamespace);
  const counts: Counts = { nInserted: 0, nMatched: 0, nModified: 0, nUpserted: 0, nDeleted: 0 };
  const results: Doc[] = [];
  const errorsOnly = boolField(body, 'errorsOnly');
  const errors = runStatements(request, operationsOf(body, namespaces), ({ operation, kind, namespace }, index) => {
    const outcome = runOperation(request, kind, operation, namespace, counts);
    if (!errorsOnly) results.push(doc({ ok: 1, idx: int(index), ...outcome }));
  });
  results.push(...errors.map(failedResult));
  results.sort((a, b) => (toInteger(a.get('idx')) ?? 0) - (toInteger(b.get('idx')) ?? 0));
  const reply = cursors.start(RESULTS_NAMESPACE, results, batchSizeOf(body));
  reply.set('nErrors', int(errors.length));
  for (const [name, count] of Object.entries(counts)) reply.set(name, integer(count));
  return reply;
}

function failedResult(error: Doc): Doc {
  const result = doc({ ok: 0, idx: error.get('index'), n: int(0) });
  for (const [name, value] of error) if (name !== 'index') result.set(name, value);
  return result;
}

interface Operation {
  kind: Kind;
  operation: Doc;
  namespace: string;
}

/** A malformed operation fails the whole command, before anything is written. */
function operationsOf(body: Doc, namespaces: string[]): Operation[] {
  return docsField(body, 'ops').map((operation) => {
    const [kind = ''] = operation.keys();
    if (!isKind(kind)) throw new MongoError(40415, `BSON field 'bulkWrite.ops.${kind}' is an unknown field.`);
    const namespace = namespaces[toInteger(operation.get(kind)) ?? -1];
    if (namespace === undefined) throw new MongoError(2, `BulkWrite ops entry ${kind} has an invalid nsInfo index.`);
    checkFields(operation, FIELDS[kind], WHERE);
    refuseCollation(operation);
    CHECKS[kind](operation);
    return { kind, operation, namespace };
  });
}

const WHERE = 'bulkWrite.ops';
const FIELDS = {
  insert: ['insert', 'document'],
  update: ['update', 'filter', 'updateMods', 'multi', 'upsert', 'arrayFilters', 'hint', 'sort', 'constants', 'collation'],
  delete: ['delete', 'filter', 'multi', 'hint', 'collation'],
};
type Kind = keyof typeof FIELDS;
const isKind = (kind: string): kind is Kind => Object.hasOwn(FIELDS, kind);

const CHECKS: Record<Kind, (operation: Doc) => void> = {
  insert: (operation) => requiredDoc(operation, 'document', WHERE),
  update: (operation) => checkUpdate(operation, WHERE, { filter: 'filter', update: 'updateMods', constants: 'constants' }),
  delete: (operation) => {
    requiredDoc(operation, 'filter', WHERE);
    boolField(operation, 'multi');
    hintOf(operation);
  },
};

function runOperation(request: Request, kind: Kind, operation: Doc, namespace: string, counts: Counts): Outcome {
  if (kind === 'insert') return runInsert(request, operation, namespace, counts);
  return kind === 'update' ? runUpdateOperation(request, operation, namespace, counts) : runDeleteOperation(request, operation, namespace, counts);
}

function runInsert({ store }: Request, operation: Doc, namespace: string, counts: Counts): Outcome {
  insertDocument(store.ensure(namespace), requiredDoc(operation, 'document', WHERE));
  counts.nInserted += 1;
  return { n: int(1) };
}

/** Names that the command `update` has for the same things. */
const RENAMED: Record<string, string> = { filter: 'q', updateMods: 'u', constants: 'c' };

function asStatement(operation: Doc, kind: string): Doc {
  return new Map([...operation].filter(([name]) => name !== kind).map(([name, value]) => [RENAMED[name] ?? name, value]));
}

function runUpdateOperation(request: Request, operation: Doc, namespace: string, counts: Counts): Outcome {
  const statement = parseUpdate(request, asStatement(operation, 'update'));
  const collection = statement.upsert ? request.store.ensure(namespace) : request.store.find(namespace);
  if (!collection) return { n: int(0), nModified: int(0) };
  const { matched, modified, upsertedId } = runUpdate(collection, statement);
  counts.nMatched += matched;
  counts.nModified += modified;
  if (upsertedId === undefined) return { n: integer(matched), nModified: integer(modified) };
  counts.nUpserted += 1;
  return { n: int(1), nModified: int(0), upserted: doc({ _id: upsertedId }) };
}

function runDeleteOperation(request: Request, operation: Doc, namespace: string, counts: Counts): Outcome {
  const collection = request.store.find(namespace);
  const selection = parseSelection(request, asStatement(operation, 'delete'));
  const removed = collection ? runDelete(collection, selection, !boolField(operation, 'multi')) : 0;
  counts.nDeleted += removed;
  return { n: integer(removed) };
}

export const bulkWriteCommands: Record<string, Command> = {
  bulkWrite: {
    fields: ['ops', 'nsInfo', 'errorsOnly', 'ordered', 'let', 'bypassDocumentValidation', 'cursor'],
    run: bulkWrite,
  },
};
