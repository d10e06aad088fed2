import { Decimal128, Long } from 'bson';
import type { Document } from 'mongodb';
import { failureOf, type Fixture, startFixture } from '../testing/fixture';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());

const run = async (documents: Document[], pipeline: Document[]) => (await fixture.collection(documents)).aggregate(pipeline).toArray();

const sales = [
  { _id: 1, shop: 'a', n: 5, tags: ['x', 'y'] },
  { _id: 2, shop: 'b', n: 7, tags: [] },
  { _id: 3, shop: 'a', n: 1, at: { city: 'Bonn' } },
];

describe('a pipeline', () => {
  it.each<[string, Document[], Document[]]>([
    ['$match, $sort, $skip and $limit', [{ $match: { n: { $gt: 0 } } }, { $sort: { n: -1 } }, { $skip: 1 }, { $limit: 1 }, { $project: { n: 1 } }], [{ _id: 1, n: 5 }]],
    ['$group', [{ $group: { _id: '$shop', sum: { $sum: '$n' }, all: { $push: '$_id' }, avg: { $avg: '$n' }, most: { $max: '$n' }, count: { $sum: 1 } } }, { $sort: { _id: 1 } }],
      [{ _id: 'a', sum: 6, all: [1, 3], avg: 3, most: 5, count: 2 }, { _id: 'b', sum: 7, all: [2], avg: 7, most: 7, count: 1 }]],
    ['$group of all', [{ $group: { _id: null, first: { $first: '$n' }, last: { $last: '$n' }, shops: { $addToSet: '$shop' }, count: { $count: {} } } }],
      [{ _id: null, first: 5, last: 1, shops: ['a', 'b'], count: 3 }]],
    ['$unwind', [{ $unwind: { path: '$tags', includeArrayIndex: 'i' } }, { $project: { tags: 1, i: 1 } }], [{ _id: 1, tags: 'x', i: 0 }, { _id: 1, tags: 'y', i: 1 }]],
    ['$unwind that keeps the empty', [{ $unwind: { path: '$tags', preserveNullAndEmptyArrays: true } }, { $project: { tags: 1 } }], [{ _id: 1, tags: 'x' }, { _id: 1, tags: 'y' }, { _id: 2 }, { _id: 3 }]],
    ['$set and $unset', [{ $set: { 'at.k': '$n' } }, { $unset: ['tags', 'shop', 'n'] }], [{ _id: 1, at: { k: 5 } }, { _id: 2, at: { k: 7 } }, { _id: 3, at: { city: 'Bonn', k: 1 } }]],
    ['$replaceRoot', [{ $match: { at: { $exists: true } } }, { $replaceRoot: { newRoot: '$at' } }], [{ city: 'Bonn' }]],
    ['$count', [{ $match: { shop: 'a' } }, { $count: 'total' }], [{ total: 2 }]],
    ['$sortByCount', [{ $sortByCount: '$shop' }], [{ _id: 'a', count: 2 }, { _id: 'b', count: 1 }]],
    ['$facet', [{ $facet: { one: [{ $limit: 1 }, { $project: { n: 1 } }], total: [{ $count: 'n' }] } }], [{ one: [{ _id: 1, n: 5 }], total: [{ n: 3 }] }]],
  ])('does %s', async (_, pipeline, expected) => {
    expect(await run(sales, pipeline)).toEqual(expected);
  });

  it('joins by fields, by a pipeline, and by both', async () => {
    const shops = await fixture.collection([{ _id: 'a', open: true }, { _id: 'b', open: false }]);
    const from = shops.collectionName;
    const joined = async (lookup: Document) =>
      (await run(sales, [{ $lookup: { from, as: 'found', ...lookup } }])).map(({ found }) => found.map((shop: Document) => shop['_id']).join());
    const fields = { localField: 'shop', foreignField: '_id' };
    expect(await joined(fields)).toEqual(['a', 'b', 'a']);
    expect(await joined({ ...fields, pipeline: [{ $match: { open: true } }] })).toEqual(['a', '', 'a']);
    const pipeline = [{ $match: { $expr: { $eq: ['$_id', '$$shop'] } } }];
    expect(await joined({ let: { shop: '$shop' }, pipeline })).toEqual(['a', 'b', 'a']);
  });

  it('walks a graph, with depths, a limit and a condition, and through a cycle', async () => {
    const edges = Array.from({ length: 6 }, (_, n) => ({ _id: n, next: [(n + 1) % 6], even: n % 2 === 0 }));
    const nodes = await fixture.collection(edges);
    const reached = async (options: Document) => {
      const graphLookup = { from: nodes.collectionName, startWith: '$start', connectFromField: 'next', connectToField: '_id', as: 'found', ...options };
      const [result] = await run([{ start: 0 }], [{ $graphLookup: graphLookup }]);
      return result?.['found'].map((node: Document) => (options['depthField'] ? [node['_id'], node['depth']] : node['_id']));
    };
    expect(await reached({})).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await reached({ maxDepth: 2, depthField: 'depth' })).toEqual([[0, 0], [1, 1], [2, 2]]);
    expect(await reached({ restrictSearchWithMatch: { even: true } })).toEqual([0]);
  });

  it.each<[string, Document[], number]>([
    ['an unknown stage', [{ $foo: 1 }], 40324],
    ['two stages in one', [{ $limit: 1, $skip: 1 }], 40323],
    ['a limit of nothing', [{ $limit: 0 }], 15958],
    ['$group without _id', [{ $group: {} }], 15955],
    ['a mixed projection', [{ $project: { a: 1, b: 0 } }], 31254],
    ['a root that is no document', [{ $replaceWith: '$n' }], 40228],
    ['division by zero', [{ $set: { a: { $divide: [1, 0] } } }], 2],
    ['adding a string', [{ $set: { a: { $add: [1, 'x'] } } }], 14],
    ['too many arguments', [{ $set: { a: { $subtract: [1, 2, 3] } } }], 16020],
  ])('refuses %s', async (_, pipeline, code) => {
    expect((await failureOf(run(sales, pipeline))).code).toBe(code);
  });
});

describe('an expression', () => {
  const source = { n: 7, s: 'aBc', list: [3, 1, 2], d: { k: 1 }, at: new Date('2024-01-31T10:20:30.040Z'), none: null };
  it.each<[Document | string, unknown]>([
    ['$list', [3, 1, 2]],
    ['$missing.x', undefined],
    [{ $ifNull: ['$none', '$missing', 'x'] }, 'x'],
    [{ $add: ['$at', 1000] }, new Date('2024-01-31T10:20:31.040Z')],
    [{ $subtract: ['$at', new Date('2024-01-31T10:20:30.000Z')] }, 40],
    [{ $multiply: ['$n', 2.5] }, 17.5],
    [{ $divide: ['$n', 2] }, 3.5],
    [{ $mod: [-7, 3] }, -1],
    [{ $round: [2.5] }, 2],
    [{ $trunc: [-2.567, 1] }, -2.5],
    [{ $floor: -1.5 }, -2],
    [{ $toString: { $add: [Decimal128.fromString('0.1'), Decimal128.fromString('0.2')] } }, '0.3'],
    [{ $toString: { $add: [Long.fromString('9007199254740993'), 1] } }, '9007199254740994'],
    [{ $cmp: [1, 'x'] }, -1],
    [{ $eq: ['$d', { k: 1 }] }, true],
    [{ $gt: ['$missing', null] }, false],
    [{ $lt: ['$missing', null] }, true],
    [{ $switch: { branches: [{ case: { $gt: ['$n', 9] }, then: 'big' }], default: 'small' } }, 'small'],
    [{ $let: { vars: { x: { $add: ['$n', 1] } }, in: { $multiply: ['$$x', 2] } } }, 16],
    [{ $filter: { input: '$list', as: 'e', cond: { $gte: ['$$e', 2] } } }, [3, 2]],
    [{ $map: { input: '$list', in: { $add: ['$$this', 1] } } }, [4, 2, 3]],
    [{ $reduce: { input: '$list', initialValue: 0, in: { $add: ['$$value', '$$this'] } } }, 6],
    [{ $sortArray: { input: '$list', sortBy: 1 } }, [1, 2, 3]],
    [{ $slice: ['$list', -2] }, [1, 2]],
    [{ $arrayElemAt: ['$list', -1] }, 2],
    [{ $in: [2, '$list'] }, true],
    [{ $size: '$list' }, 3],
    [{ $setUnion: [[1, 1], [2]] }, [1, 2]],
    [{ $max: '$list' }, 3],
    [{ $sum: '$list' }, 6],
    [{ $mergeObjects: ['$d', { j: 2 }] }, { k: 1, j: 2 }],
    [{ $objectToArray: '$d' }, [{ k: 'k', v: 1 }]],
    [{ $setField: { field: 'a.b', input: '$d', value: 2 } }, { k: 1, 'a.b': 2 }],
    [{ $concat: ['$s', '-', '$s'] }, 'aBc-aBc'],
    [{ $toUpper: '$s' }, 'ABC'],
    [{ $substrCP: ['$s', 1, 1] }, 'B'],
    [{ $split: ['a-b', '-'] }, ['a', 'b']],
    [{ $regexMatch: { input: '$s', regex: '^ab', options: 'i' } }, true],
    [{ $toInt: '12' }, 12],
    [{ $convert: { input: 'x', to: 'int', onError: -1 } }, -1],
    [{ $type: '$missing' }, 'missing'],
    [{ $dateAdd: { startDate: '$at', unit: 'month', amount: 1 } }, new Date('2024-02-29T10:20:30.040Z')],
    [{ $dateDiff: { startDate: '$at', endDate: new Date('2024-02-01'), unit: 'day' } }, 1],
    [{ $dateTrunc: { date: '$at', unit: 'month' } }, new Date('2024-01-01')],
    [{ $dayOfWeek: '$at' }, 4],
    [{ $literal: '$n' }, '$n'],
  ])('%j', async (expression, expected) => {
    const [result] = await run([source], [{ $project: { _id: 0, result: expression } }]);
    expect(result).toEqual(expected === undefined ? {} : { result: expected });
  });
});

describe('a pipeline that writes', () => {
  const rows = [{ _id: 1, n: 1 }, { _id: 2, n: 2 }];
  const written = async (name: string) => fixture.db.collection(name).find().sort({ _id: 1 }).toArray();

  it('replaces what is there with $out, and keeps the indexes', async () => {
    const target = await fixture.collection([{ _id: 9 }]);
    await target.createIndex({ n: 1 }, { unique: true });
    expect(await run(rows, [{ $match: { n: 2 } }, { $out: target.collectionName }])).toEqual([]);
    expect(await written(target.collectionName)).toEqual([{ _id: 2, n: 2 }]);
    expect(await failureOf(run([...rows, { _id: 3, n: 2 }], [{ $out: target.collectionName }]))).toMatchObject({ code: 11000 });
    expect(await written(target.collectionName)).toEqual([{ _id: 2, n: 2 }]);
  });

  it('may read the collection that $out replaces', async () => {
    const source = await fixture.collection(rows);
    await source.aggregate([{ $set: { n: { $add: ['$n', 10] } } }, { $out: source.collectionName }]).toArray();
    expect(await written(source.collectionName)).toEqual([{ _id: 1, n: 11 }, { _id: 2, n: 12 }]);
  });

  it.each<[Document, Document[]]>([
    [{}, [{ _id: 1, n: 1, a: 1 }, { _id: 2, n: 2 }]],
    [{ whenMatched: 'replace' }, [{ _id: 1, n: 1 }, { _id: 2, n: 2 }]],
    [{ whenMatched: 'keepExisting' }, [{ _id: 1, a: 1, n: 0 }, { _id: 2, n: 2 }]],
    [{ whenNotMatched: 'discard' }, [{ _id: 1, n: 1, a: 1 }]],
  ])('puts its results where they belong with $merge %j', async (options, expected) => {
    const target = await fixture.collection([{ _id: 1, a: 1, n: 0 }]);
    await run(rows, [{ $merge: { into: target.collectionName, ...options } }]);
    expect(await written(target.collectionName)).toEqual(expected);
  });

  it.each<[Document, number]>([
    [{ whenMatched: 'fail' }, 11000],
    [{ whenNotMatched: 'fail' }, 13113],
    [{ whenMatched: 'other' }, 2],
    [{ whenMatched: [{ $set: { a: 1 } }] }, 115],
  ])('fails with $merge %j', async (options, code) => {
    const target = await fixture.collection([{ _id: 1 }]);
    expect(await failureOf(run(rows, [{ $merge: { into: target.collectionName, ...options } }]))).toMatchObject({ code });
    expect(await written(target.collectionName)).toEqual([{ _id: 1 }]);
  });

  it('takes documents from nowhere', async () => {
    expect(await fixture.db.aggregate([{ $documents: [{ n: 1 }, { n: 2 }] }, { $match: { n: 2 } }]).toArray()).toEqual([{ n: 2 }]);
    expect(await failureOf(fixture.db.aggregate([{ $documents: 1 }]).toArray())).toMatchObject({ code: 5858203 });
  });
});
