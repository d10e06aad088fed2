import { type Collection, MongoServerError } from 'mongodb';
import { type AnyDocument, type Fixture, startFixture } from '../testing/fixture';

const COMMANDS = 300;

let fixture: Fixture;
let rows: Collection<AnyDocument>;

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());
beforeEach(async () => {
  rows = await fixture.collection([{ _id: 'taken', at: -1 }]);
  await rows.createIndex({ at: 1 }, { unique: true });
});

/** Every third command of those that arrive together fails after it has begun to write. */
const write = (n: number): Promise<unknown> => {
  if (n % 3 === 0) return rows.findOneAndUpdate({ _id: `row${n}` }, { $set: { at: -1 } }, { upsert: true });
  return rows.updateOne({ _id: `row${n}` }, { $set: { at: n } }, { upsert: true });
};

it('keeps what succeeded and nothing of what failed, of commands that arrive together', async () => {
  const results = await Promise.allSettled(Array.from({ length: COMMANDS }, (_, n) => write(n)));
  const failed = results.flatMap((result, n) => (result.status === 'rejected' ? [[n, result.reason]] : []));
  expect(failed.map(([n]) => n)).toEqual(Array.from({ length: COMMANDS / 3 }, (_, n) => n * 3));
  for (const [, error] of failed) expect(error).toMatchObject({ code: 11000 });
  const kept = await rows.find({ at: { $gte: 0 } }).sort({ at: 1 }).toArray();
  expect(kept.map(({ at }) => at as number)).toEqual(Array.from({ length: COMMANDS }, (_, n) => n).filter((n) => n % 3 !== 0));
  expect(await rows.countDocuments()).toBe(kept.length + 1);
});

it('makes a collection once for all that want it, also when the first of them fails', async () => {
  const fresh = fixture.db.collection<AnyDocument>('made-together');
  const bad = fresh.findOneAndUpdate({ _id: 'x' }, { $inc: { n: 'text' as unknown as number } }, { upsert: true });
  const good = Array.from({ length: 20 }, (_, n) => fresh.insertOne({ _id: n }));
  await expect(bad).rejects.toThrow(MongoServerError);
  await Promise.all(good);
  expect(await fresh.countDocuments()).toBe(good.length);
});

it('puts _id first in what it stores, and leaves the rest as it came', async () => {
  const inserted = await fixture.collection([{ b: 1, _id: 'moved', a: 2 }, { _id: 'kept', b: 1, a: 2 }]);
  expect((await inserted.find().toArray()).map((document) => Object.keys(document))).toEqual([['_id', 'b', 'a'], ['_id', 'b', 'a']]);
});
