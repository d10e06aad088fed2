import { rounds, seed } from '@ferry/testing/specs';
import fc from 'fast-check';
import { Binary, type Document, type Filter, type Sort, MongoServerError, ObjectId } from 'mongodb';
import { type AnyDocument, type Fixture, startFixture } from '../testing/fixture';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());

// The key of each of the last ones, turned around or not, has a byte 0xff right after the type or the beginning.
const edges = ['', false, new Binary(Buffer.alloc(0)), new Binary(Buffer.from('z')), new ObjectId('0'.repeat(24)), new ObjectId('f'.repeat(24))];
const scalar = fc.constantFrom<unknown>(null, 1, 2, 2.5, 3, 'x', 'xy', 'y', true, ...edges);
const comparison = fc.tuple(fc.constantFrom('$gt', '$gte', '$lt', '$lte'), scalar).map(([operator, value]) => ({ [operator]: value }));
const literal = fc.constantFrom<unknown>(/^x/, /^xy/);
const field = fc.oneof(scalar, literal, fc.array(scalar, { maxLength: 3 }), fc.record({ c: scalar }), fc.array(fc.oneof(fc.record({ c: scalar }), scalar, fc.array(scalar, { maxLength: 2 })), { maxLength: 2 }));
const stored = fc.record({ a: field, b: field }, { requiredKeys: [] });
const operand = fc.oneof(
  scalar,
  fc.record({ $gte: fc.integer({ min: 0, max: 3 }), $lt: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ $in: fc.array(scalar, { maxLength: 3 }) }),
  fc.record({ $ne: scalar }),
  comparison,
  fc.tuple(comparison, comparison).map(([one, other]) => ({ ...one, ...other })),
  fc.record({ $exists: fc.boolean() }),
  fc.constantFrom<unknown>(/^x/, /^xy?/, /^x-*y/, /^X/i, /^x|y/, /^xy/),
  fc.constantFrom<unknown>({ $regex: '^x' }, { $regex: '^X', $options: 'i' }, { $regex: '^x', $gt: 'x' }, { $not: /^x/ }),
);
const fields = fc.dictionary(fc.constantFrom('a', 'b', 'a.c', 'b.c', 'a.0', 'b.1.c'), operand, { maxKeys: 3 });
const union = fc.record({ $or: fc.array(fields, { minLength: 1, maxLength: 3 }) });
const filter = fc.oneof(fields, union, fc.tuple(fields, union).map(([plain, either]) => ({ ...plain, ...either })));
const direction = fc.constantFrom<1 | -1>(1, -1);
const sort = fc.dictionary(fc.constantFrom('a', 'b', 'a.c', 'a.0'), direction, { maxKeys: 2 });
const indexKeys = [{ a: 1 }, { a: -1, b: 1 }, { 'a.c': 1, b: -1 }, { b: 1, 'b.c': 1 }, { 'a.0': 1 }, { 'b.1.c': -1, 'a.0': 1 }] as const;

describe('a query through an index', () => {
  const planOf = async (plan: Document): Promise<string> => JSON.stringify(plan['queryPlanner'].winningPlan);

  it('is used for a prefix, for all branches of an $or, and for a field that equals a variable', async () => {
    const collection = await fixture.collection(Array.from({ length: 300 }, (_, _id) => ({ _id, a: `x${_id}`, b: _id })));
    await collection.createIndexes([{ key: { a: 1 } }, { key: { b: 1 } }]);
    const prefix = await collection.find({ a: /^x29/ }).explain();
    expect(prefix['executionStats']).toMatchObject({ nReturned: 11, totalDocsExamined: 11 });
    const either = collection.find({ $or: [{ a: 'x1' }, { b: { $gte: 298 } }, { b: 299 }] });
    expect(await planOf(await either.explain())).toContain('"stage":"OR"');
    expect(await either.map(({ _id }) => _id).toArray()).toEqual([1, 298, 299]);
    expect(await planOf(await collection.find({ $or: [{ a: 'x1' }, { c: 1 }] }).explain())).toContain('COLLSCAN');
    const variable = collection.aggregate([{ $match: { $expr: { $eq: ['$b', '$$wanted'] } } }], { let: { wanted: 7 } });
    expect(await planOf(await variable.explain())).toContain('"indexName":"b_1"');
    const joined = await collection
      .aggregate([
        { $match: { b: { $lt: 2 } } },
        { $lookup: { from: collection.collectionName, let: { next: { $add: ['$b', 1] } }, pipeline: [{ $match: { $expr: { $eq: ['$b', '$$next'] } } }, { $project: { _id: 1 } }], as: 'next' } },
      ])
      .toArray();
    expect(joined.map(({ next }) => next as unknown)).toEqual([[{ _id: 1 }], [{ _id: 2 }]]);
  });

  it.each<[unknown, unknown]>([
    ['ab', /^ab/],
    ['', { $lte: 'b' }],
    [false, { $lte: false }],
    [new Binary(Buffer.from('a')), { $lte: new Binary(Buffer.from('z')) }],
    [new ObjectId('f'.repeat(24)), { $gte: new ObjectId('0'.repeat(24)) }],
    ['', { $gte: '', $lt: 'b' }],
  ])('up or down finds %j by %j', async (value, where) => {
    for (const order of [1, -1] as const) {
      const collection = await fixture.collection([{ _id: 1, a: value, b: value }]);
      await collection.createIndexes([{ key: { a: order } }, { key: { b: order, _id: 1 } }]);
      for (const path of ['a', 'b']) {
        const query = collection.find({ [path]: where } as Filter<AnyDocument>);
        expect(await planOf(await query.explain())).toContain(`"indexName":"${path}_${order}`);
        expect(await query.toArray()).toHaveLength(1);
      }
    }
  });

  it.each<[Document, Document]>([
    [{ a: [{ b: 1 }] }, { 'a.0': { $in: [2, null] } }],
    [{ a: [1, { c: 1 }] }, { 'a.0': null }],
  ])('of a place in an array finds in %j what %j finds without one', async (document, where) => {
    const collection = await fixture.collection([{ _id: 1, ...document }, { _id: 2, a: [2] }]);
    const found = await collection.distinct('_id', where as Filter<AnyDocument>);
    expect(found).toContain(1);
    await collection.createIndex(Object.fromEntries(Object.keys(where).map((path) => [path, 1])));
    expect(await collection.distinct('_id', where as Filter<AnyDocument>)).toEqual(found);
  });

  it('finds what it finds without one, in the same order', async () => {
    const property = fc.asyncProperty(fc.array(stored, { maxLength: 12 }), fc.array(fc.tuple(filter, sort), { minLength: 6, maxLength: 6 }), async (documents, queries) => {
      const collection = await fixture.collection(documents.map((document, _id) => ({ _id, ...document })));
      for (const key of indexKeys) {
        await collection.createIndex(key).catch((error: { code: number }) => expect(error.code).toBe(171));
      }
      for (const [where, order] of queries) {
        const found = (hint?: Document) => collection.find(where as Filter<AnyDocument>, { hint }).sort({ ...order, _id: 1 } as Sort).toArray();
        // Two arrays side by side cannot be sorted by, whichever way they are found.
        const find = (hint?: Document) => found(hint).catch((error: unknown) => (error instanceof MongoServerError && error.code === 2 ? 'parallel arrays' : Promise.reject(error)));
        expect(await find()).toEqual(await find({ $natural: 1 }));
      }
      await collection.drop();
    });
    await fc.assert(property, { seed: seed(), numRuns: rounds(25) });
  });
});
