import { toInteger } from '../bson/numbers';
import { type Doc, doc, int, integer, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { boolField, checkFields, type Command, countField, docField, docsField, refuseCollation, type Request } from './command';
import { checkNamespace } from '../storage/store';
import { insertDocument, runDelete, runUpdate } from './statements';
import { parseSelection, parseUpdate, runStatements } from './write';

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
  const errors = runStatements(request, docsField(body, 'ops'), (operation, index) => {
    const outcome = runOperation(request, operation, namespaces, counts);
    if (!errorsOnly) results.push(doc({ ok: 1, idx: int(index), ...outcome }));
  });
  results.push(...errors.map(failedResult));
  results.sort((a, b) => (toInteger(a.get('idx')) ?? 0) - (toInteger(b.get('idx')) ?? 0));
  const cursor = docField(body, 'cursor');
  const reply = cursors.start(RESULTS_NAMESPACE, results, cursor && countField(cursor, 'batchSize'));
  reply.set('nErrors', int(errors.length));
  for (const [name, count] of Object.entries(counts)) reply.set(name, integer(count));
  return reply;
}

function failedResult(error: Doc): Doc {
  const result = doc({ ok: 0, idx: error.get('index'), n: int(0) });
  for (const [name, value] of error) if (name !== 'index') result.set(name, value);
  return result;
}

function runOperation(request: Request, operation: Doc, namespaces: string[], counts: Counts): Outcome {
  const [kind = ''] = operation.keys();
  const namespace = namespaces[toInteger(operation.get(kind)) ?? -1];
  if (namespace === undefined) throw new MongoError(2, `BulkWrite ops entry ${kind} has an invalid nsInfo index.`);
  switch (kind) {
    case 'insert':
      return runInsert(request, operation, namespace, counts);
    case 'update':
      return runUpdateOperation(request, operation, namespace, counts);
    case 'delete':
      return runDeleteOperation(request, operation, namespace, counts);
    default:
      throw new MongoError(40415, `BSON field 'bulkWrite.ops.${kind}' is an unknown field.`);
  }
}

function runInsert({ store }: Request, operation: Doc, namespace: string, counts: Counts): Outcome {
  checkFields(operation, ['insert', 'document'], 'bulkWrite.ops');
  insertDocument(store.ensure(namespace), docField(operation, 'document') ?? new Map<string, Value>());
  counts.nInserted += 1;
  return { n: int(1) };
}

const UPDATE_FIELDS = ['update', 'filter', 'updateMods', 'multi', 'upsert', 'arrayFilters', 'hint', 'sort', 'constants', 'collation'];
/** Names that the command `update` has for the same things. */
const RENAMED: Record<string, string> = { filter: 'q', updateMods: 'u', constants: 'c' };

function asStatement(operation: Doc, kind: string): Doc {
  return new Map([...operation].filter(([name]) => name !== kind).map(([name, value]) => [RENAMED[name] ?? name, value]));
}

function runUpdateOperation(request: Request, operation: Doc, namespace: string, counts: Counts): Outcome {
  checkFields(operation, UPDATE_FIELDS, 'bulkWrite.ops');
  refuseCollation(operation);
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
  checkFields(operation, ['delete', 'filter', 'multi', 'hint', 'collation'], 'bulkWrite.ops');
  refuseCollation(operation);
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
