import { encodeDocument } from '../bson/encode';
import { keyText } from '../bson/key';
import { toInteger } from '../bson/numbers';
import { integer, type Doc, doc, int, isDoc, RawDocument, type Value } from '../bson/values';
import { badValue, failedToParse, missingField, MongoError, notSupported, typeMismatch } from '../errors';
import { compileFilter } from '../query/matcher';
import { splitPath, visitPath } from '../query/paths';
import { compileProjection } from '../query/projection';
import { parseSort } from '../query/sort';
import { makePlan } from '../storage/planner';
import { type Query, read } from '../storage/reader';
import type { Collection } from '../storage/collection';
import { boolField, type Command, countField, docField, environmentOf, findCollection, namespaceOf, type Request } from './command';

/** Options of `find` that MongoDB has and this server refuses unless they are off. */
const REFUSED = ['tailable', 'awaitData', 'oplogReplay', 'returnKey', 'showRecordId', 'mirrored'];

/** The parts of a query that `find`, `count` and `distinct` share. */
export function parseQuery(request: Request, collection: Collection | undefined, filterName: string): Query {
  const { body } = request;
  const filter = docField(body, filterName) ?? new Map<string, Value>();
  const environment = environmentOf(request, docField(body, 'let'));
  const natural = naturalOf(docField(body, 'sort'));
  const sort = natural ? [] : parseSort(docField(body, 'sort') ?? new Map<string, Value>());
  const match = compileFilter(filter, environment.variables.keys());
  for (const bound of ['min', 'max']) if ((docField(body, bound)?.size ?? 0) > 0) throw notSupported(`The option ${bound}`);
  const limit = countField(body, 'limit') ?? 0;
  return {
    plan: collection ? makePlan(collection, filter, sort, natural ?? hintOf(body)) : { ranges: [], reverse: false, sorted: true },
    match: filter.size === 0 ? undefined : match,
    sort,
    skip: countField(body, 'skip') ?? 0,
    limit: limit === 0 ? Infinity : limit,
    scope: { environment },
  };
}

export function hintOf(body: Doc): Value | undefined {
  const hint = body.get('hint');
  if (hint instanceof Map && hint.size === 0) return undefined;
  if (hint !== undefined && typeof hint !== 'string' && !isDoc(hint)) throw failedToParse('Hint must be a string or an object');
  return hint;
}

/** `{ $natural: 1 }` or `-1`: the order of insertion, which no index serves. */
function naturalOf(sort: Doc | undefined): Doc | undefined {
  if (!sort?.has('$natural')) return undefined;
  if (sort.size > 1) throw badValue("Cannot include '$natural' in compound sort");
  if (Math.abs(toInteger(sort.get('$natural')) ?? 0) !== 1) throw badValue('$natural sort cannot be set to a value other than -1 or 1.');
  return sort;
}

function find(request: Request): Doc {
  const { body, cursors } = request;
  for (const option of REFUSED) if (boolField(body, option)) throw notSupported(`The option ${option}`);
  const collection = findCollection(request);
  const query = parseQuery(request, collection, 'filter');
  const projection = docField(body, 'projection');
  const project = projection?.size ? compileProjection(projection, true, query.scope.environment.variables.keys()) : undefined;
  function* results(): Generator<Doc | RawDocument> {
    if (!collection) return;
    for (const found of read(collection, query)) {
      yield project ? project(found.document, found.scope) : new RawDocument(found.bytes);
    }
  }
  const { deadline } = request;
  return cursors.start(namespaceOf(request), results(), countField(body, 'batchSize'), { single: boolField(body, 'singleBatch'), deadline });
}

function getMore({ body, cursors, database }: Request): Doc {
  const id = body.get('getMore');
  const collection = body.get('collection');
  if (typeof id !== 'bigint') throw typeMismatch("BSON field 'getMore.getMore' must be a long");
  if (collection === undefined) throw missingField('getMore.collection');
  if (body.has('maxTimeMS')) throw badValue('cannot set maxTimeMS on getMore command for a non-awaitData cursor');
  if (typeof collection !== 'string') throw typeMismatch("BSON field 'getMore.collection' must be a string");
  const size = countField(body, 'batchSize');
  return cursors.more(id, `${database}.${collection}`, size === 0 ? undefined : size);
}

function killCursors({ body, cursors }: Request): Doc {
  const ids = body.get('cursors');
  if (!Array.isArray(ids)) throw typeMismatch("BSON field 'killCursors.cursors' must be an array");
  const known = ids.filter((id): id is bigint => typeof id === 'bigint');
  const killed = known.filter((id) => cursors.kill(id));
  const missing = known.filter((id) => !killed.includes(id));
  return doc({ cursorsKilled: killed, cursorsNotFound: missing, cursorsAlive: [], cursorsUnknown: [], ok: 1 });
}

function count(request: Request): Doc {
  const collection = findCollection(request);
  const { body } = request;
  const limit = toInteger(body.get('limit'));
  const positive = limit === undefined ? body : new Map(body).set('limit', integer(Math.abs(limit)));
  const query = parseQuery({ ...request, body: positive }, collection, 'query');
  if (!collection) return doc({ n: int(0), ok: 1 });
  if (!query.match && query.skip === 0 && query.limit === Infinity) return doc({ n: integer(collection.count()), ok: 1 });
  let found = 0;
  for (const _ of read(collection, query)) found += 1;
  return doc({ n: integer(found), ok: 1 });
}

/** What the values of one answer may take; the rest of the reply has room besides. */
const MAX_DISTINCT_BYTES = 16 * 1024 * 1024 - 4096;
const EMPTY_DOCUMENT_BYTES = 5;

function distinct(request: Request): Doc {
  const key = request.body.get('key');
  if (key === undefined) throw missingField('distinct.key');
  if (typeof key !== 'string' || key === '') throw new MongoError(key === '' ? 40353 : 14, "BSON field 'distinct.key' must be a field path");
  const collection = findCollection(request);
  const query = parseQuery(request, collection, 'query');
  const values = new Map<string, Value>();
  const path = splitPath(key);
  let bytes = 0;
  const collect = (value: Value): void => {
    const text = keyText(value);
    if (values.has(text)) return;
    bytes += encodeDocument(new Map([['', value]])).length - EMPTY_DOCUMENT_BYTES;
    if (bytes >= MAX_DISTINCT_BYTES) throw new MongoError(17217, 'distinct too big, 16mb cap');
    values.set(text, value);
  };
  for (const { document } of collection ? read(collection, query) : []) {
    visitPath(document, path, (value) => {
      if (Array.isArray(value)) value.forEach(collect);
      else if (value !== undefined) collect(value);
      return false;
    });
  }
  return doc({ values: [...values].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value), ok: 1 });
}

const FIND_FIELDS = [
  'filter', 'sort', 'projection', 'hint', 'skip', 'limit', 'batchSize', 'singleBatch', 'let', 'min', 'max', 'allowDiskUse',
  'noCursorTimeout', 'allowPartialResults', ...REFUSED,
];

export const readCommands: Record<string, Command> = {
  find: { fields: FIND_FIELDS, run: find },
  getMore: { fields: ['collection', 'batchSize'], run: getMore },
  killCursors: { fields: ['cursors'], run: killCursors },
  count: { fields: ['query', 'limit', 'skip', 'hint', 'fields'], run: count },
  distinct: { fields: ['key', 'query', 'hint'], run: distinct },
};
