import type { IndexDescription } from 'mongodb';
import { type Fixture, startFixture } from '../testing/fixture';

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());

/** Node n points to 2n and 2n + 1, by one of its names; the last one points back to the first. */
const NODES = 50;
const nodes = Array.from({ length: NODES }, (_, n) => ({
  _id: n,
  name: n % 5 === 0 ? [`n${n}`, `alias${n}`] : `n${n}`,
  next: n === NODES - 1 ? 'alias0' : [`n${2 * n}`, `n${2 * n + 1}`],
}));

const reachedFrom = async (start: unknown, prepare: IndexDescription | undefined, options = {}): Promise<number[]> => {
  const collection = await fixture.collection(nodes);
  if (prepare) await collection.createIndexes([prepare]);
  const graphLookup = { from: collection.collectionName, startWith: { $literal: start }, connectFromField: 'next', connectToField: 'name', as: 'found', ...options };
  const [result] = await collection.aggregate([{ $limit: 1 }, { $graphLookup: graphLookup }]).toArray();
  return result?.['found'].map(({ _id }: { _id: number }) => _id).sort((a: number, b: number) => a - b);
};

const indexes: [string, IndexDescription | undefined][] = [
  ['without an index', undefined],
  ['with an index', { key: { name: 1 } }],
  ['with an index of some documents', { key: { name: 1 }, partialFilterExpression: { _id: { $lt: 10 } } }],
  ['with an index that begins with the field', { key: { name: -1, other: 1 }, partialFilterExpression: { name: { $exists: true } } }],
];

describe.each(indexes)('$graphLookup %s', (_, prepare) => {
  it('reaches all that is connected, each once', async () => {
    expect(await reachedFrom('n1', prepare)).toEqual(Array.from({ length: NODES }, (__, n) => n));
  });

  it('follows elements of arrays up to the greatest depth', async () => {
    expect(await reachedFrom(['n3', 'alias10'], prepare, { maxDepth: 1 })).toEqual([3, 6, 7, 10, 20, 21]);
  });

  it('takes a missing start for null', async () => {
    expect(await reachedFrom(null, prepare)).toEqual([]);
  });
});
