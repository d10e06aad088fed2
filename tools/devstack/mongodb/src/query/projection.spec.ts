import type { Document } from 'mongodb';
import { type AnyDocument, failureOf, type Fixture, startFixture } from '../testing/fixture';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());

const stored = { _id: 1, list: [{ k: 1 }, { k: 2 }, { k: 2, v: 3 }], x: 1, y: { z: 1, w: [1, 2] } };
const projected = async (projection: Document, filter: Document = {}): Promise<unknown> => {
  const collection = await fixture.collection([stored]);
  return collection.findOne(filter as AnyDocument, { projection });
};

describe('a projection', () => {
  it.each<[string, Document, Document, Document]>([
    ['with $elemMatch puts its field last', { list: { $elemMatch: { k: 2 } }, x: 1 }, { _id: 1, x: 1, list: [{ k: 2 }] }, {}],
    ['with $elemMatch and an exclusion keeps the rest', { list: { $elemMatch: { k: 1 } }, y: 0 }, { _id: 1, list: [{ k: 1 }], x: 1 }, {}],
    ['with $slice alone keeps the rest', { list: { $slice: -1 } }, { ...stored, list: [{ k: 2, v: 3 }] }, {}],
    ['with $slice and _id has only these', { _id: 1, list: { $slice: 1 } }, { _id: 1, list: [{ k: 1 }] }, {}],
    ['with $slice as an expression', { part: { $slice: ['$y.w', 1] } }, { _id: 1, part: [1] }, {}],
    ['with $ has the element that matched', { 'list.$': 1 }, { _id: 1, list: [{ k: 2 }] }, { 'list.k': 2 }],
    ['of a sub-document', { y: { w: 0 }, list: 0 }, { _id: 1, x: 1, y: { z: 1 } }, {}],
    ['with _id in an exclusion', { list: 0, y: 0, _id: 1 }, { _id: 1, x: 1 }, {}],
  ])('%s', async (_, projection, expected, filter) => {
    expect(await projected(projection, filter)).toEqual(expected);
    expect(Object.keys((await projected(projection, filter)) as object)).toEqual(Object.keys(expected));
  });

  it.each<[string, Document, number, Document]>([
    ['a field twice', { 'y.z': 1, y: 1 }, 31250, {}],
    ['a field inside another one', { y: 1, 'y.z': 1 }, 31249, {}],
    ['an expression in an exclusion', { x: 0, n: { $add: [1, 2] } }, 31252, {}],
    ['a constant in an exclusion', { x: 0, n: 'x' }, 31310, {}],
    ['an unknown expression', { n: { $foo: 1 } }, 31325, {}],
    ['$elemMatch of no filter', { list: { $elemMatch: 1 } }, 31274, {}],
    ['$elemMatch deeper down', { 'y.w': { $elemMatch: { $gt: 1 } } }, 31275, {}],
    ['$ twice', { 'list.$': 1, 'y.w.$': 1 }, 31276, { 'list.k': 1 }],
    ['$ in the middle', { 'list.$.k': 1 }, 31394, { 'list.k': 1 }],
    ['$ and an exclusion', { 'list.$': 0 }, 31395, { 'list.k': 1 }],
    ['$ on another array', { 'y.w.$': 1 }, 51247, { 'list.v': 3 }],
    ['$ without a match', { 'list.$': 1 }, 51246, {}],
    ['no name', { '': 1 }, 40352, {}],
    ['a dot at the end', { 'x.': 1 }, 40353, {}],
    ['a dot at the front', { '.x': 1 }, 15998, {}],
  ])('is refused with %s', async (_, projection, code, filter) => {
    expect((await failureOf(projected(projection, filter))).code).toBe(code);
  });
});

describe('a sort', () => {
  it.each<[Document, number]>([
    [{ '': 1 }, 40352],
    [{ $a: 1 }, 16410],
    [{ a: 2 }, 15975],
    [{ a: 'x' }, 15974],
    [{ a: 1, b: 1 }, 2],
    [{ $natural: 1, a: 1 }, 2],
  ])('%j is refused', async (sort, code) => {
    const collection = await fixture.collection([{ a: [1, 2], b: [1, 2] }]);
    expect((await failureOf(fixture.db.command({ find: collection.collectionName, sort }))).code).toBe(code);
  });

  it('takes both values of one element, and the order of insertion', async () => {
    const collection = await fixture.collection([{ _id: 1, a: [{ x: 1, y: 5 }, { x: 2, y: 0 }] }, { _id: 2, a: { x: 1, y: 3 } }]);
    const ids = async (sort: Record<string, 1 | -1>) => (await collection.find().sort(sort).toArray()).map(({ _id }) => _id);
    expect(await ids({ 'a.x': 1, 'a.y': 1 })).toEqual([2, 1]);
    expect(await ids({ $natural: -1 })).toEqual([2, 1]);
  });
});
