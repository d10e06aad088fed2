import type { Collection, Document } from 'mongodb';
import { type AnyDocument, failureOf, type Fixture, startFixture } from './testing/fixture';

let fixture: Fixture;
let rows: Collection<AnyDocument>;

beforeAll(async () => {
  fixture = await startFixture();
  rows = await fixture.collection(Array.from({ length: 1000 }, (_, _id) => ({ _id, n: 0 })));
});
afterAll(() => fixture.stop());

/** Takes long for each document and matches none. */
const slow = { $expr: { $lt: [{ $sum: { $range: [0, 20_000] } }, 0] } };
const maxTimeMS = 5;

describe('maxTimeMS', () => {
  it.each<[string, Document]>([
    ['find', { filter: slow }],
    ['count', { query: slow }],
    ['distinct', { key: 'n', query: slow }],
    ['aggregate', { pipeline: [{ $match: slow }], cursor: {} }],
    ['update', { updates: [{ q: slow, u: { $set: { n: 1 } }, multi: true }] }],
    ['delete', { deletes: [{ q: slow, limit: 0 }] }],
    ['findAndModify', { query: slow, update: { $set: { n: 1 } } }],
  ])('ends %s', async (command, options) => {
    const failure = await failureOf(fixture.db.command({ [command]: rows.collectionName, ...options, maxTimeMS }));
    expect(failure).toMatchObject({ code: 50, message: expect.stringContaining('operation exceeded time limit') });
  });

  it('ends a join and documents that a stage multiplies', async () => {
    const join = { $lookup: { from: rows.collectionName, localField: 'n', foreignField: 'other', as: 'found' } };
    expect((await failureOf(rows.aggregate([join, { $count: 'n' }], { maxTimeMS }).toArray())).code).toBe(50);
    const many = [{ $set: { list: { $range: [0, 10_000] } } }, { $unwind: '$list' }, { $count: 'n' }];
    expect((await failureOf(rows.aggregate(many, { maxTimeMS }).toArray())).code).toBe(50);
  });

  it('counts over all batches of a cursor', async () => {
    const cursor = rows.find({ $or: [{ _id: { $lt: 10 } }, slow] }, { batchSize: 2, maxTimeMS }).hint({ $natural: 1 });
    expect(await cursor.next()).toMatchObject({ _id: 0 });
    expect((await failureOf(cursor.toArray())).code).toBe(50);
  });

  it('undoes what an update has written, and lets a command that is quick enough go on', async () => {
    const updates = [{ q: { _id: 1 }, u: { $set: { n: 7 } } }, { q: slow, u: { $set: { n: 7 } }, multi: true }];
    expect((await failureOf(fixture.db.command({ update: rows.collectionName, updates, maxTimeMS }))).code).toBe(50);
    expect(await rows.countDocuments({ n: 7 }, { maxTimeMS: 60_000 })).toBe(0);
  });
});
