import { Binary } from 'bson';
import { createHash } from 'node:crypto';
import { equal } from '../bson/compare';
import { type Doc, doc, int, integer, isDoc, typeName, type Value } from '../bson/values';
import { failedToParse, missingField, MongoError, notSupported } from '../errors';
import { compileFilter, type MatchScope } from '../query/matcher';
import { isTruthy } from '../query/operators';
import type { Collection } from '../storage/collection';
import { type IndexSpec, parseIndexSpec } from '../storage/index-spec';
import type { IndexTable } from '../storage/index-table';
import { sameKey } from '../storage/planner';
import { batchSizeOf, boolField, type Command, docField, docsField, findCollection, namespaceOf, type Request } from './command';

/** Options of a collection that are refused unless they are off. */
const REFUSED_OPTIONS = [
  'capped', 'timeseries', 'expireAfterSeconds', 'clusteredIndex', 'changeStreamPreAndPostImages', 'validator', 'validationLevel',
  'validationAction', 'storageEngine', 'indexOptionDefaults', 'encryptedFields', 'autoIndexId',
];

function create(request: Request): Doc {
  const namespace = namespaceOf(request);
  for (const option of REFUSED_OPTIONS) if (isTruthy(request.body.get(option))) throw notSupported(`The option ${option} of a collection`);
  if (request.body.has('viewOn') || request.body.has('pipeline')) throw notSupported('A view');
  if (request.store.find(namespace)) throw new MongoError(48, `Collection ${namespace} already exists.`);
  request.store.transaction(() => request.store.create(namespace, new Map()));
  return doc({ ok: 1 });
}

function drop(request: Request): Doc {
  const collection = findCollection(request);
  if (!collection) return doc({ ok: 1 });
  const count = collection.indexes.length;
  request.cursors.killAll(collection.namespace);
  request.store.transaction(() => request.store.drop(collection));
  return doc({ nIndexesWas: int(count), ns: collection.namespace, ok: 1 });
}

const collectionsOf = ({ store, database }: Request): Collection[] =>
  store.list().filter(({ namespace }) => namespace.startsWith(`${database}.`));

function dropDatabase(request: Request): Doc {
  request.store.transaction(() => {
    for (const collection of collectionsOf(request)) {
      request.cursors.killAll(collection.namespace);
      request.store.drop(collection);
    }
  });
  return doc({ dropped: request.database, ok: 1 });
}

/** A UUID that stays the same as long as the collection does. */
function uuidOf({ id, namespace }: Collection): Binary {
  return new Binary(createHash('md5').update(`${id} ${namespace}`).digest(), Binary.SUBTYPE_UUID);
}

function listCollections(request: Request): Doc {
  const { body, database, cursors } = request;
  const nameOnly = boolField(body, 'nameOnly');
  const listed = collectionsOf(request).map((collection) => describeCollection(collection, database, nameOnly));
  return cursors.start(`${database}.$cmd.listCollections`, filtered(listed, request), batchSizeOf(body));
}

function describeCollection(collection: Collection, database: string, nameOnly: boolean): Doc {
  const name = collection.namespace.slice(database.length + 1);
  if (nameOnly) return doc({ name, type: 'collection' });
  const info = doc({ readOnly: false, uuid: uuidOf(collection) });
  const idIndex = doc({ v: int(2), key: doc({ _id: int(1) }), name: '_id_' });
  return doc({ name, type: 'collection', options: collection.options, info, idIndex });
}

function filtered(documents: Doc[], { body, now }: Request): Doc[] {
  const filter = docField(body, 'filter');
  if (!filter) return documents;
  const match = compileFilter(filter);
  const scope: MatchScope = { environment: { now, variables: new Map() } };
  return documents.filter((document) => match(document, scope));
}

function listDatabases(request: Request): Doc {
  const names = new Set(request.store.list().map(({ namespace }) => namespace.slice(0, namespace.indexOf('.'))));
  const nameOnly = boolField(request.body, 'nameOnly');
  const described = [...names].sort().map((name) => doc(nameOnly ? { name } : { name, sizeOnDisk: 0n, empty: false }));
  return doc({ databases: filtered(described, request), totalSize: nameOnly ? undefined : 0n, ok: 1 });
}

function createIndexes(request: Request): Doc {
  const { store, body } = request;
  const namespace = namespaceOf(request);
  const specs = docsField(body, 'indexes').map(requestedIndex);
  if (specs.length === 0) throw new MongoError(2, 'Must specify at least one index to create');
  const isNew = !store.find(namespace);
  return store.transaction(() => {
    const collection = store.ensure(namespace);
    const before = collection.indexes.length;
    for (const spec of specs) if (!findSame(collection, spec)) store.createIndex(collection, spec);
    const after = collection.indexes.length;
    return doc({
      numIndexesBefore: int(before),
      numIndexesAfter: int(after),
      createdCollectionAutomatically: isNew,
      note: before === after ? 'all indexes already exist' : undefined,
      ok: 1,
    });
  });
}

const ID_INDEX_FIELDS = ['key', 'name', 'ns', 'v', 'collation'];

/** An index that a client asks for; the one of `_id` takes no options. */
function requestedIndex(raw: Doc): IndexSpec {
  if (!raw.has('name')) throw failedToParse("The 'name' field is a required property of an index specification");
  const spec = parseIndexSpec(raw);
  const option = [...raw.keys()].find((field) => !ID_INDEX_FIELDS.includes(field));
  if (option !== undefined && sameKey(spec.key, doc({ _id: int(1) }))) {
    throw new MongoError(197, `The field '${option}' is not valid for an _id index specification.`);
  }
  return spec;
}

/** Whether this very index is there; a different one of the same name or key is an error. */
function findSame({ indexes }: Collection, wanted: IndexSpec): boolean {
  for (const { spec } of indexes) {
    if (spec.name === '_id_' && sameKey(spec.key, wanted.key)) return true;
    const sameName = spec.name === wanted.name;
    const sameOptions = equal(options(spec), options(wanted));
    if (sameName && sameKey(spec.key, wanted.key) && sameOptions) return true;
    if (sameName) {
      throw new MongoError(86, `An existing index has the same name as the requested index. When index names are not specified, they are auto generated and can cause conflicts. Requested index: ${wanted.name}`);
    }
    if (sameKey(spec.key, wanted.key) && equal(spec.partial?.filter, wanted.partial?.filter)) {
      throw new MongoError(85, `Index already exists with a different name: ${spec.name}`);
    }
  }
  return false;
}

const options = ({ unique, sparse, partial, expireAfterSeconds }: IndexSpec): Doc =>
  doc({ unique, sparse, partial: partial?.filter, expireAfterSeconds });

function dropIndexes(request: Request): Doc {
  const collection = findCollection(request);
  if (!collection) throw new MongoError(26, `ns not found ${namespaceOf(request)}`);
  const before = collection.indexes.length;
  const dropped = indexesToDrop(collection, indexField(request.body));
  request.store.transaction(() => {
    for (const index of dropped) request.store.dropIndex(collection, index);
  });
  return doc({ nIndexesWas: int(before), ok: 1 });
}

function indexField(body: Doc): Value {
  const index = body.get('index');
  if (index === undefined) throw missingField('dropIndexes.index');
  if (typeof index === 'string' || isDoc(index) || Array.isArray(index)) return index;
  throw new MongoError(14, `BSON field 'dropIndexes.index' is the wrong type '${typeName(index)}', expected types '[string, object]'`);
}

function indexesToDrop({ indexes }: Collection, wanted: Value): IndexTable[] {
  if (wanted === '*') return indexes.filter(({ spec }) => spec.name !== '_id_');
  return (Array.isArray(wanted) ? wanted : [wanted]).map((item) => {
    const index = indexes.find(({ spec }) => (isDoc(item) ? sameKey(spec.key, item) : spec.name === item));
    if (!index) throw new MongoError(27, `index not found with name [${String(item)}]`);
    if (index.spec.name === '_id_') throw new MongoError(72, 'cannot drop _id index');
    return index;
  });
}

function listIndexes(request: Request): Doc {
  const collection = findCollection(request);
  if (!collection) throw new MongoError(26, `ns does not exist: ${namespaceOf(request)}`);
  const listed = collection.indexes.map(({ spec }) => (spec.name === '_id_' ? withoutUnique(spec.raw) : spec.raw));
  return request.cursors.start(collection.namespace, listed, batchSizeOf(request.body));
}

const withoutUnique = (raw: Doc): Doc => new Map([...raw].filter(([name]) => name !== 'unique'));

function renameCollection({ body, database, store, cursors }: Request): Doc {
  if (database !== 'admin') throw new MongoError(13, 'renameCollection may only be run against the admin database.');
  const from = body.get('renameCollection');
  const to = body.get('to');
  if (typeof from !== 'string' || typeof to !== 'string') throw new MongoError(73, 'renameCollection needs two namespaces');
  const source = store.find(from);
  if (!source) throw new MongoError(26, `Source collection ${from} does not exist`);
  if (from === to) throw new MongoError(20, `Can't rename a collection to itself`);
  const target = store.find(to);
  if (target && !boolField(body, 'dropTarget')) throw new MongoError(48, `target namespace exists: ${to}`);
  for (const namespace of [from, to]) cursors.killAll(namespace);
  store.transaction(() => {
    if (target) store.drop(target);
    store.rename(source, to);
  });
  return doc({ ok: 1 });
}

function collStats(request: Request): Doc {
  const collection = findCollection(request);
  return doc({ ns: namespaceOf(request), count: integer(collection?.count() ?? 0), nindexes: int(collection?.indexes.length ?? 0), ok: 1 });
}

export const catalogCommands: Record<string, Command> = {
  create: { fields: ['viewOn', 'pipeline', 'idIndex', 'size', 'max', ...REFUSED_OPTIONS], run: create },
  drop: { fields: [], run: drop },
  dropDatabase: { fields: [], run: dropDatabase },
  listCollections: { fields: ['filter', 'nameOnly', 'cursor', 'authorizedCollections'], run: listCollections },
  listDatabases: { fields: ['filter', 'nameOnly', 'authorizedDatabases'], run: listDatabases },
  createIndexes: { fields: ['indexes', 'commitQuorum'], run: createIndexes },
  dropIndexes: { fields: ['index'], run: dropIndexes },
  listIndexes: { fields: ['cursor'], run: listIndexes },
  renameCollection: { fields: ['to', 'dropTarget'], run: renameCollection },
  collStats: { fields: ['scale'], run: collStats },
};
