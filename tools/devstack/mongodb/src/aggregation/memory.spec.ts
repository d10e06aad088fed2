import type { Document } from 'mongodb';
import { failureOf, type Fixture, startFixture } from '../testing/fixture';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());

const MEGABYTE = 1024 * 1024;
/** So many documents of a megabyte each, out of one. */
const megabytes = (count: number): Document[] => [{ $set: { at: { $range: [0, count] } } }, { $unwind: '$at' }];

async function run(pipeline: (from: string) => Document[]): Promise<Document[]> {
  const collection = await fixture.collection([{ _id: 1, text: 'x'.repeat(MEGABYTE) }]);
  return collection.aggregate(pipeline(collection.collectionName)).toArray();
}

describe('the memory of a stage', () => {
  it.each<[string, number, string, (from: string) => Document[]]>([
    ['the documents that come to a $facet', 292, '104857600 bytes', () => [...megabytes(101), { $facet: { n: [{ $count: 'n' }] } }]],
    ['what a $facet gives', 4031700, 'document constructed by $facet is', () => [...megabytes(60), { $facet: { one: [], other: [] } }]],
    ['what a $lookup joins', 4568, "matching pipeline's $lookup stage exceeds 104857600 bytes", (from) => [{ $lookup: { from, pipeline: megabytes(101), as: 'all' } }]],
    ['the first documents of groups', 292, '$group', () => [...megabytes(101), { $group: { _id: '$at', first: { $first: '$$ROOT' } } }]],
    ['the values of a $push', 292, '$group', () => [...megabytes(101), { $group: { _id: null, all: { $push: '$text' } } }]],
    ['what a $graphLookup looks for', 40099, '$graphLookup reached maximum memory consumption',
      (from) => [{ $graphLookup: { from, startWith: { $map: { input: { $range: [0, 60] }, in: { $concat: [{ $toString: '$$this' }, '$text'] } } }, connectFromField: 'a', connectToField: '_id', as: 'found' } }]],
    ['a $range', 146, '$range would use too much memory', () => [{ $set: { at: { $range: [0, 6_553_600] } } }]],
    ['one document of the answer', 10334, 'BSONObj size', () => [...megabytes(20), { $group: { _id: null, all: { $push: '$text' } } }]],
  ])('has a bound for %s', async (_, code, message, pipeline) => {
    expect(await failureOf(run(pipeline))).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('is not taken by what is not kept', async () => {
    const fields = { set: { $addToSet: '$text' }, merged: { $mergeObjects: { text: '$text' } }, last: { $last: '$text' }, least: { $min: '$text' } };
    const sizes = { _id: 0, set: { $size: '$set' }, last: { $strLenBytes: '$last' } };
    expect(await run(() => [...megabytes(200), { $group: { _id: null, ...fields } }, { $project: sizes }])).toEqual([{ set: 1, last: MEGABYTE }]);
    expect(await run((from) => [...megabytes(200), { $lookup: { from, pipeline: [{ $project: { text: 1 } }], as: 'all' } }, { $count: 'n' }])).toEqual([{ n: 200 }]);
  });

  it('holds two million small values', async () => {
    const counted = [{ $set: { at: { $range: [0, 2_000_000] } } }, { $project: { n: { $size: '$at' } } }];
    expect(await run(() => counted)).toEqual([{ _id: 1, n: 2_000_000 }]);
  });
});

describe('distinct', () => {
  it('ends at 16 MB of values', async () => {
    const collection = await fixture.collection(Array.from({ length: 17 }, (_, _id) => ({ _id, text: String.fromCharCode(65 + _id).repeat(MEGABYTE), n: 1 })));
    expect(await failureOf(collection.distinct('text'))).toMatchObject({ code: 17217, message: 'distinct too big, 16mb cap' });
    expect((await collection.distinct('text', { _id: { $lt: 12 } })).length).toBe(12);
    expect(await collection.distinct('n')).toEqual([1]);
  });
});

describe('a delete of many', () => {
  it('removes documents as it reads them: those before an error are gone', async () => {
    const collection = await fixture.collection([{ _id: 1, n: 1 }, { _id: 2, n: 'x' }, { _id: 3, n: 1 }]);
    expect((await failureOf(collection.deleteMany({ $expr: { $gt: [{ $add: ['$n', 1] }, 0] } }))).code).toBe(14);
    expect(await collection.distinct('_id')).toEqual([2, 3]);
  });

  it.each<[string, Document | undefined]>([['without an index', undefined], ['through an index over arrays', { at: 1 }], ['through a descending one', { n: -1 }]])(
    '%s removes each of many', async (_, index) => {
      const collection = await fixture.collection(Array.from({ length: 2000 }, (__, _id) => ({ _id, n: _id % 7, at: [_id % 3, 5, _id] })));
      if (index) await collection.createIndex(index as never);
      expect(await collection.deleteMany({ n: { $gte: 1, $lte: 6 }, at: { $gte: 0 } })).toMatchObject({ deletedCount: 2000 - Math.ceil(2000 / 7) });
      expect(await collection.deleteMany({ $or: [{ n: 0 }, { at: 5 }] })).toMatchObject({ deletedCount: Math.ceil(2000 / 7) });
      expect(await collection.countDocuments()).toBe(0);
    });
});
