import { Decimal128, Double, Long } from 'bson';
import { connect } from 'node:net';
import { once } from 'node:events';
import type { Document } from 'mongodb';
import { type AnyDocument, failureOf, type Fixture, startFixture } from './testing/fixture';
import { startMongo } from './server';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());

const numbered = (count: number) => Array.from({ length: count }, (_, _id) => ({ _id }));

describe('reads', () => {
  it('come in batches through a cursor', async () => {
    const collection = await fixture.collection(numbered(1000));
    expect(await collection.find().batchSize(7).toArray()).toEqual(numbered(1000));
  });

  it('keep their place while others write', async () => {
    const collection = await fixture.collection(numbered(300));
    const cursor = collection.find().sort({ _id: 1 }).batchSize(100);
    expect(await cursor.next()).toEqual({ _id: 0 });
    await collection.deleteMany({ _id: { $gte: 200 } });
    expect(await cursor.toArray()).toHaveLength(199);
  });

  it('end when the cursor is killed or the collection is dropped', async () => {
    const collection = await fixture.collection(numbered(300));
    const start = await fixture.db.command({ find: collection.collectionName, batchSize: 10 }, { promoteLongs: false });
    await fixture.db.command({ killCursors: collection.collectionName, cursors: [start['cursor'].id] });
    const more = () => fixture.db.command({ getMore: start['cursor'].id, collection: collection.collectionName });
    expect((await failureOf(more())).code).toBe(43);
    const cursor = collection.find().batchSize(10);
    await cursor.next();
    await collection.drop();
    expect((await failureOf(cursor.toArray())).code).toBe(43);
  });

  it('sort over all types, skip, limit and project', async () => {
    const collection = await fixture.collection([{ _id: 1, a: 'x' }, { _id: 2, a: 5 }, { _id: 3 }, { _id: 4, a: [0, 9] }, { _id: 5, a: { b: 1 } }]);
    const ids = async (direction: 1 | -1) => (await collection.find().sort({ a: direction }).toArray()).map(({ _id }) => _id);
    expect(await ids(1)).toEqual([3, 4, 2, 1, 5]);
    expect(await ids(-1)).toEqual([5, 1, 4, 2, 3]);
    expect(await collection.find({}, { projection: { a: 1, _id: 0 } }).sort({ a: 1 }).skip(1).limit(1).toArray()).toEqual([{ a: [0, 9] }]);
  });

  it.each<[string, Document, Document]>([
    ['fields', { a: 1, 'b.c': 1 }, { _id: 1, a: 1, b: { c: 2 } }],
    ['all but some fields', { b: 0, list: 0 }, { _id: 1, a: 1 }],
    ['a slice', { list: { $slice: [1, 1] }, a: 1 }, { _id: 1, a: 1, list: [{ k: 2 }] }],
    ['the first element that matches', { list: { $elemMatch: { k: 3 } } }, { _id: 1, list: [{ k: 3 }] }],
    ['a computed field', { sum: { $add: ['$a', '$b.c'] }, _id: 0 }, { sum: 3 }],
  ])('project %s', async (_, projection, expected) => {
    const collection = await fixture.collection([{ _id: 1, a: 1, b: { c: 2, d: 3 }, list: [{ k: 1 }, { k: 2 }, { k: 3 }] }]);
    expect(await collection.findOne({}, { projection })).toEqual(expected);
  });

  it('count and tell distinct values', async () => {
    const collection = await fixture.collection([{ a: [1, 2] }, { a: 2 }, { a: 2.5 }, { b: 1 }]);
    expect(await collection.countDocuments({ a: 2 })).toBe(2);
    expect(await collection.estimatedDocumentCount()).toBe(4);
    expect(await collection.distinct('a')).toEqual([1, 2, 2.5]);
  });
});

describe('writes', () => {
  it('insert in order up to the first duplicate, or all others if unordered', async () => {
    const collection = await fixture.collection([{ _id: 2 }]);
    const twos = [{ _id: 1 }, { _id: 2 }, { _id: 3 }];
    expect(await failureOf(collection.insertMany(twos))).toMatchObject({ code: 11000 });
    expect(await collection.countDocuments()).toBe(2);
    await failureOf(collection.insertMany(twos, { ordered: false }));
    expect(await collection.countDocuments()).toBe(3);
  });

  it('go in bulk', async () => {
    const collection = await fixture.collection([{ _id: 1, a: 1 }]);
    const result = await collection.bulkWrite([
      { updateOne: { filter: { _id: 2 }, update: { $set: { a: 2 } }, upsert: true } },
      { updateMany: { filter: {}, update: { $inc: { a: 10 } } } },
      { replaceOne: { filter: { _id: 1 }, replacement: { b: 1 } } },
      { deleteOne: { filter: { _id: 2 } } },
      { insertOne: { document: { _id: 3 } } },
    ]);
    expect(result).toMatchObject({ upsertedCount: 1, upsertedIds: { 0: 2 }, modifiedCount: 3, deletedCount: 1, insertedCount: 1 });
    expect(await collection.find().toArray()).toEqual([{ _id: 1, b: 1 }, { _id: 3 }]);
  });

  it('go in bulk over several collections', async () => {
    const [first, second] = [await fixture.collection(), await fixture.collection()];
    const result = await fixture.client.bulkWrite<Record<string, AnyDocument>>([
      { name: 'insertOne', namespace: first.namespace, document: { _id: 1 } },
      { name: 'updateOne', namespace: second.namespace, filter: { _id: 5 }, update: { $set: { a: 1 } }, upsert: true },
    ]);
    expect(result).toMatchObject({ insertedCount: 1, upsertedCount: 1 });
    expect(await second.findOne()).toEqual({ _id: 5, a: 1 });
  });

  it('find and modify', async () => {
    const collection = await fixture.collection([{ _id: 1, n: 1 }, { _id: 2, n: 5 }]);
    expect(await collection.findOneAndUpdate({}, { $inc: { n: 1 } }, { sort: { n: -1 }, returnDocument: 'after' })).toEqual({ _id: 2, n: 6 });
    expect(await collection.findOneAndReplace({ _id: 1 }, { n: 9 })).toEqual({ _id: 1, n: 1 });
    expect(await collection.findOneAndUpdate({ _id: 3 }, { $set: { n: 0 } }, { upsert: true, returnDocument: 'after' })).toEqual({ _id: 3, n: 0 });
    expect(await collection.findOneAndDelete({ n: 9 }, { projection: { n: 1, _id: 0 } })).toEqual({ n: 9 });
    expect(await collection.findOneAndDelete({ n: 9 })).toBeNull();
  });

  it('count what they match apart from what they change', async () => {
    const collection = await fixture.collection([{ _id: 1, a: 1 }, { _id: 2, a: 2 }]);
    expect(await collection.updateMany({}, { $set: { a: 1 } })).toMatchObject({ matchedCount: 2, modifiedCount: 1 });
  });

  it('keep every type and the order of the fields', async () => {
    const document = { _id: 1, z: 1, '10': new Double(5), '9': Long.MAX_VALUE, d: Decimal128.fromString('1.10'), t: new Date(5), u: null, e: '\u{1f600}' };
    const collection = await fixture.collection();
    await collection.insertOne(new Map(Object.entries(document)) as unknown as { _id: number });
    expect(await collection.findOne({}, { promoteValues: false })).toMatchObject({ 9: Long.MAX_VALUE, 10: new Double(5), d: document.d });
  });

  it('without an answer come through', async () => {
    const collection = await fixture.collection();
    await collection.insertOne({ _id: 1 }, { writeConcern: { w: 0 } });
    expect(await collection.countDocuments()).toBe(1);
  });
});

describe('what is not there is refused by name', () => {
  it.each<[string, Document, number]>([
    ['an unknown command', { foo: 1 }, 59],
    ['an unknown field', { find: 'c', foo: 1 }, 40415],
    ['a transaction', { find: 'c', txnNumber: Long.ONE, startTransaction: true, autocommit: false }, 20],
    ['a commit', { commitTransaction: 1 }, 20],
    ['a change stream', { aggregate: 'c', pipeline: [{ $changeStream: {} }], cursor: {} }, 40573],
    ['a change stream of a database', { aggregate: 1, pipeline: [{ $changeStream: {} }], cursor: {} }, 40573],
    ['a collation', { find: 'c', collation: { locale: 'en' } }, 115],
    ['an unknown stage', { aggregate: 'c', pipeline: [{ $foo: {} }], cursor: {} }, 40324],
    ['a stage that is not supported', { aggregate: 'c', pipeline: [{ $sample: { size: 1 } }], cursor: {} }, 115],
    ['$out before the end', { aggregate: 'c', pipeline: [{ $out: 'd' }, { $match: {} }], cursor: {} }, 40601],
    ['$out inside a stage', { aggregate: 'c', pipeline: [{ $facet: { a: [{ $out: 'd' }] } }], cursor: {} }, 40600],
    ['an accumulator that is not supported', { aggregate: 'c', pipeline: [{ $group: { _id: null, a: { $top: {} } } }], cursor: {} }, 115],
    ['two values for an accumulator', { aggregate: 'c', pipeline: [{ $group: { _id: null, a: { $sum: [1, 2] } } }], cursor: {} }, 40237],
    ['an option of $unwind that is no boolean', { aggregate: 'c', pipeline: [{ $unwind: { path: '$a', preserveNullAndEmptyArrays: 1 } }], cursor: {} }, 28809],
    ['a limit of 0', { aggregate: 'c', pipeline: [{ $limit: 0 }], cursor: {} }, 15958],
    ['a negative skip', { aggregate: 'c', pipeline: [{ $skip: -1 }], cursor: {} }, 5107200],
    ['a name that every object has as a stage', { aggregate: 'c', pipeline: [{ toString: 1 }], cursor: {} }, 40324],
    ['$merge by other fields', { aggregate: 'c', pipeline: [{ $merge: { into: 'd', on: 'a' } }], cursor: {} }, 115],
    ['a pipeline without a collection', { aggregate: 1, pipeline: [{ $listLocalSessions: {} }], cursor: {} }, 115],
    ['a view', { create: 'v', viewOn: 'c', pipeline: [] }, 115],
    ['an unknown accumulator', { aggregate: 'c', pipeline: [{ $group: { _id: null, a: { $foo: 1 } } }], cursor: {} }, 15952],
    ['an unknown option of a stage', { aggregate: 'c', pipeline: [{ $lookup: { from: 'd', as: 'x', foo: 1 } }], cursor: {} }, 9],
    ['an unknown option of a statement', { update: 'c', updates: [{ q: {}, u: {}, foo: 1 }] }, 40415],
    ['a text index', { createIndexes: 'c', indexes: [{ key: { a: 'text' }, name: 'a' }] }, 115],
    ['an unknown option of an index', { createIndexes: 'c', indexes: [{ key: { a: 1 }, name: 'a', foo: 1 }] }, 197],
    ['a capped collection', { create: 'capped', capped: true, size: 1 }, 115],
    ['a validator', { create: 'c', validator: { a: 1 } }, 115],
    ['a command that MongoDB has', { serverStatus: 1 }, 115],
    ['a time that is no number', { find: 'c', maxTimeMS: 'x' }, 14],
    ['a write concern with an unknown field', { insert: 'c', documents: [{}], writeConcern: { foo: 1 } }, 40415],
    ['a read concern that is none', { find: 'c', readConcern: { level: 'x' } }, 2],
    ['a variable that begins with a capital', { find: 'c', let: { X: 1 } }, 9],
    ['a partial index by $ne', { createIndexes: 'c', indexes: [{ key: { a: 1 }, name: 'a', partialFilterExpression: { a: { $ne: 1 } } }] }, 67],
    ['an index that is unique by a word', { createIndexes: 'c', indexes: [{ key: { a: 1 }, name: 'a', unique: 'x' }] }, 14],
    ['an expiry of _id', { createIndexes: 'c', indexes: [{ key: { _id: 1 }, name: 'a', expireAfterSeconds: 1 }] }, 67],
    ['a unique index of _id', { createIndexes: 'c', indexes: [{ key: { _id: 1 }, name: 'a', unique: true }] }, 197],
    ['an index without a name', { createIndexes: 'c', indexes: [{ key: { a: 1 } }] }, 9],
    ['an unknown kind of index', { createIndexes: 'c', indexes: [{ key: { a: 'foo' }, name: 'a' }] }, 67],
    ['a rename outside of admin', { renameCollection: 'test.a', to: 'test.b' }, 13],
    ['a tailable cursor', { find: 'c', tailable: true }, 115],
    ['two copies', { insert: 'c', documents: [{}], writeConcern: { w: 2 } }, 2],
    ['a bad name', { insert: 'a$b', documents: [{}] }, 73],
    ['a mixed projection', { find: 'c', projection: { a: 1, b: 0 } }, 31254],
    ['an update without a filter', { update: 'c', updates: [{ u: { a: 1 } }] }, 40414],
    ['an update without an update', { update: 'c', updates: [{ q: {} }] }, 40414],
    ['an update by a number', { update: 'c', updates: [{ q: {}, u: 1 }] }, 9],
    ['an update of many by a word', { update: 'c', updates: [{ q: {}, u: {}, multi: 'x' }] }, 14],
    ['array filters that are no documents', { update: 'c', updates: [{ q: {}, u: {}, arrayFilters: [1] }] }, 14],
    ['a delete without a filter', { delete: 'c', deletes: [{ limit: 0 }] }, 40414],
    ['a delete by a number', { delete: 'c', deletes: [{ q: 1, limit: 0 }] }, 14],
    ['a delete without a limit', { delete: 'c', deletes: [{ q: {} }] }, 40414],
    ['a delete of two', { delete: 'c', deletes: [{ q: {}, limit: 2 }] }, 9],
    ['getMore without a collection', { getMore: Long.ONE }, 40414],
    ['getMore with a time of its own', { getMore: Long.ONE, collection: 'c', maxTimeMS: 5 }, 2],
    ['distinct without a key', { distinct: 'c' }, 40414],
    ['a pipeline without a cursor', { aggregate: 'c', pipeline: [] }, 9],
    ['a cursor that is a number', { aggregate: 'c', pipeline: [], cursor: 1 }, 14],
    ['an unknown field of a cursor', { aggregate: 'c', pipeline: [], cursor: { foo: 1 } }, 40415],
    ['an unknown verbosity', { explain: { find: 'c' }, verbosity: 'x' }, 2],
    ['explain of another command', { explain: { ping: 1 } }, 59],
    ['$out inside $lookup', { aggregate: 'c', pipeline: [{ $lookup: { from: 'd', as: 'x', pipeline: [{ $out: 'e' }] } }], cursor: {} }, 51047],
    ['$merge inside $unionWith', { aggregate: 'c', pipeline: [{ $unionWith: { coll: 'd', pipeline: [{ $merge: 'e' }] } }], cursor: {} }, 31441],
    ['a bad sort', { find: 'c', sort: { a: 2 } }, 15975],
  ])('%s', async (_, command, code) => {
    expect((await failureOf(fixture.db.command(command))).code).toBe(code);
  });

  it.each<[string, Document, number]>([
    ['an unknown option', { foo: 1 }, 40104],
    ['no collection', { from: undefined }, 9],
    ['a path that is no string', { as: 1 }, 40103],
    ['no start', { startWith: undefined }, 40105],
    ['a depth that is no number', { maxDepth: 'x' }, 40100],
    ['a negative depth', { maxDepth: -1 }, 40101],
    ['half a depth', { maxDepth: 1.5 }, 40102],
    ['a condition that is no document', { restrictSearchWithMatch: 1 }, 40185],
  ])('$graphLookup with %s', async (_, wrong, code) => {
    const options = { from: 'd', startWith: '$a', connectFromField: 'a', connectToField: 'b', as: 'x', ...wrong };
    const work = fixture.db.collection('c').aggregate([{ $graphLookup: options }], { ignoreUndefined: true }).toArray();
    expect((await failureOf(work)).code).toBe(code);
  });

  it('bytes that are no message end the connection, and others go on', async () => {
    const socket = connect(fixture.server.port, '127.0.0.1');
    socket.write(Buffer.alloc(64, 0xff));
    await once(socket, 'close');
    expect(await fixture.db.command({ ping: 1 })).toMatchObject({ ok: 1 });
  });

  it('an address beyond loopback', async () => {
    await expect(startMongo({ port: 0, dataDir: 'unused', host: '0.0.0.0' })).rejects.toThrow('loopback');
  });
});

describe('collections', () => {
  it('are made, listed, renamed and dropped', async () => {
    const db = fixture.client.db('catalog');
    await db.createCollection('a');
    expect((await failureOf(db.createCollection('a'))).code).toBe(48);
    await db.collection('b').insertOne({ n: 1 });
    await db.collection('b').rename('a', { dropTarget: true });
    expect((await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name)).toEqual(['a']);
    expect(await db.collection('a').findOne({}, { projection: { _id: 0 } })).toEqual({ n: 1 });
    await db.dropDatabase();
    expect(await db.listCollections().toArray()).toEqual([]);
  });
});
