import { eventually } from '@ferry/testing/specs';
import type { Collection, Document, Filter, Sort } from 'mongodb';
import { type AnyDocument, failureOf, type Fixture, startFixture } from '../testing/fixture';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture({ ttlIntervalMs: 50 });
});
afterAll(() => fixture.stop());

async function planOf(collection: Collection<AnyDocument>, filter: Document, sort: Document = {}) {
  const explained = await collection.find(filter as Filter<AnyDocument>).sort(sort as Sort).explain('executionStats');
  const stages: string[] = [];
  let index: string | undefined;
  for (let stage = explained['queryPlanner'].winningPlan; stage; stage = stage.inputStage) {
    stages.push(stage.stage);
    index ??= stage.indexName;
  }
  return { stages, index, examined: explained['executionStats'].totalDocsExamined };
}

const grid = () => Array.from({ length: 100 }, (_, n) => ({ _id: n, a: n % 10, b: n, c: n % 2 === 0 ? { d: n } : null }));

describe('an index', () => {
  it.each<[string, Document, Document, Document, string, number]>([
    ['an equality', { a: 1 }, { a: 3 }, {}, 'a_1', 10],
    ['a range', { b: 1 }, { b: { $gte: 90 } }, {}, 'b_1', 10],
    ['$in', { b: 1 }, { b: { $in: [1, 5, 200] } }, {}, 'b_1', 2],
    ['an equality and a range', { a: 1, b: -1 }, { a: 3, b: { $lt: 50 } }, {}, 'a_1_b_-1', 5],
    ['an equality and a sort', { a: 1, b: 1 }, { a: 3 }, { b: -1 }, 'a_1_b_1', 10],
    ['a path', { 'c.d': 1 }, { 'c.d': 4 }, {}, 'c.d_1', 1],
    ['_id', { a: 1 }, { _id: 5, a: 5 }, {}, '_id_', 1],
  ])('serves %s', async (_, key, filter, sort, index, examined) => {
    const collection = await fixture.collection(grid());
    await collection.createIndex(key as Sort & Document);
    expect(await planOf(collection, filter, sort)).toEqual({ stages: ['FETCH', 'IXSCAN'], index, examined });
  });

  it('does not serve what it cannot: all documents are looked at, and sorted', async () => {
    const collection = await fixture.collection(grid());
    await collection.createIndex({ a: 1, b: 1 });
    expect(await planOf(collection, { b: 5 }, { b: 1 })).toEqual({ stages: ['SORT', 'COLLSCAN'], index: undefined, examined: 100 });
  });

  it('over arrays has a key for each element', async () => {
    const collection = await fixture.collection([{ _id: 1, a: [1, 2, 2] }, { _id: 2, a: [2, 3] }, { _id: 3, a: [] }]);
    await collection.createIndex({ a: 1 });
    expect(await planOf(collection, { a: 2 })).toMatchObject({ index: 'a_1', examined: 2 });
    expect(await collection.find({ a: { $gt: 1 } }).toArray()).toHaveLength(2);
    await collection.createIndex({ a: 1, b: 1 });
    expect((await failureOf(collection.insertOne({ _id: 4, a: [1], b: [1] }))).code).toBe(171);
  });

  it('that is unique refuses the second, on insert, update and when it is made', async () => {
    const collection = await fixture.collection([{ _id: 1, a: 1, b: 1 }, { _id: 2, a: 1, b: 2 }]);
    expect((await failureOf(collection.createIndex({ a: 1 }, { unique: true }))).code).toBe(11000);
    await collection.createIndex({ a: 1, b: 1 }, { unique: true });
    const duplicate = { code: 11000, keyPattern: { a: 1, b: 1 }, keyValue: { a: 1, b: 2 } };
    expect(await failureOf(collection.insertOne({ _id: 3, a: 1, b: 2 }))).toMatchObject(duplicate);
    expect(await failureOf(collection.updateOne({ _id: 1 }, { $set: { b: 2 } }))).toMatchObject(duplicate);
    expect(await collection.findOne({ _id: 1 })).toEqual({ _id: 1, a: 1, b: 1 });
  });

  it('that is unique counts a missing field as null, unless it is sparse or partial', async () => {
    const collection = await fixture.collection();
    await collection.createIndex({ a: 1 }, { unique: true });
    await collection.createIndex({ b: 1 }, { unique: true, sparse: true });
    await collection.createIndex({ c: 1 }, { unique: true, partialFilterExpression: { c: { $gt: 5 } } });
    await collection.insertMany([{ _id: 1, a: 1, c: 1 }, { _id: 2, a: 2, c: 1 }, { _id: 3, c: 6 }]);
    expect(await failureOf(collection.insertOne({ _id: 4 }))).toMatchObject({ keyPattern: { a: 1 } });
    expect(await failureOf(collection.insertOne({ _id: 4, a: 4, c: 6 }))).toMatchObject({ keyPattern: { c: 1 } });
  });

  it('that is partial serves only queries that are inside it', async () => {
    const collection = await fixture.collection(grid());
    await collection.createIndex({ b: 1 }, { partialFilterExpression: { a: 3 } });
    expect(await planOf(collection, { a: 3, b: 13 })).toMatchObject({ index: 'b_1', examined: 1 });
    expect(await planOf(collection, { b: 13 })).toMatchObject({ stages: ['COLLSCAN'] });
  });

  it.each<[Document, Document, string | undefined]>([
    [{ $gt: 5 }, { $gt: 7 }, 'a_1'],
    [{ $gt: 5 }, { $gte: 5 }, undefined],
    [{ $gte: 5 }, { $in: [5, 6] }, 'a_1'],
    [{ $gte: 5 }, { $in: [4, 6] }, undefined],
    [{ $gt: 5 }, { $eq: 8 }, 'a_1'],
    [{ $gt: 5 }, { $gt: 'x' }, undefined],
    [{ $lt: 5 }, { $lte: 4, $gt: 1 }, 'a_1'],
    [{ $lt: 5 }, { $lte: NaN }, undefined],
  ])('that is partial by %j serves %j or not', async (partial, wanted, index) => {
    const collection = await fixture.collection(grid());
    await collection.createIndex({ a: 1 }, { partialFilterExpression: { a: partial } });
    expect((await planOf(collection, { a: wanted })).index).toBe(index);
  });

  it('that is unique shows the element that collided', async () => {
    const collection = await fixture.collection([{ _id: 1, a: [1, 2] }]);
    await collection.createIndex({ a: 1 }, { unique: true });
    expect(await failureOf(collection.insertOne({ _id: 2, a: [5, 2] }))).toMatchObject({ code: 11000, keyValue: { a: 2 } });
  });

  it('of _id is read at once when nothing else is asked', async () => {
    expect(await planOf(await fixture.collection(grid()), { _id: 5 })).toEqual({ stages: ['EXPRESS_IXSCAN'], index: '_id_', examined: 1 });
  });

  it('with a time to live removes what is over', async () => {
    const collection = await fixture.collection([{ _id: 1, at: new Date(0) }, { _id: 2, at: new Date(Date.now() + 600_000) }, { _id: 3, at: 'never' }]);
    await collection.createIndex({ at: 1 }, { expireAfterSeconds: 1 });
    await eventually(async () => expect(await collection.distinct('_id')).toEqual([2, 3]));
  });

  it.each([-1, 1.5, NaN, 2 ** 31, 3e9, 1e15, Infinity])('with a time to live of %d seconds is refused', async (expireAfterSeconds) => {
    const collection = await fixture.collection([{ _id: 1, at: new Date() }]);
    expect(await failureOf(collection.createIndex({ at: 1 }, { expireAfterSeconds }))).toMatchObject({ code: 67 });
    expect((await failureOf(collection.insertOne({ _id: 1 }))).code).toBe(11000);
    await collection.createIndex({ at: 1 }, { expireAfterSeconds: 2 ** 31 - 1 });
    expect(await collection.indexes()).toContainEqual({ v: 2, key: { at: 1 }, name: 'at_1', expireAfterSeconds: 2 ** 31 - 1 });
  });

  it('is listed, made once, and dropped', async () => {
    const collection = await fixture.collection([{ _id: 1 }]);
    await collection.createIndex({ a: 1 }, { unique: true });
    await collection.createIndex({ a: 1 }, { unique: true });
    expect((await failureOf(collection.createIndex({ a: 1 }, { name: 'other', unique: true }))).code).toBe(85);
    expect((await failureOf(collection.createIndex({ b: 1 }, { name: 'a_1' }))).code).toBe(86);
    expect(await collection.indexes()).toEqual([
      { v: 2, key: { _id: 1 }, name: '_id_' },
      { v: 2, key: { a: 1 }, name: 'a_1', unique: true },
    ]);
    await collection.dropIndex('a_1');
    expect((await failureOf(collection.dropIndex('a_1'))).code).toBe(27);
    expect((await failureOf(collection.dropIndex('_id_'))).code).toBe(72);
  });

  it('can be named by a hint', async () => {
    const collection = await fixture.collection(grid());
    await collection.createIndex({ b: 1 });
    expect(await collection.find({ a: 3 }).hint('b_1').toArray()).toHaveLength(10);
    expect((await failureOf(collection.find({}).hint('foo').toArray())).code).toBe(2);
  });
});
