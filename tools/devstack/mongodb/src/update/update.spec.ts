import { rounds, seed } from '@ferry/testing/specs';
import { Decimal128, Double, Int32, Long, Timestamp } from 'bson';
import fc from 'fast-check';
import type { Document, UpdateFilter } from 'mongodb';
import { type AnyDocument, failureOf, type Fixture, startFixture } from '../testing/fixture';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());

type AnyUpdate = UpdateFilter<AnyDocument> | Document[];

async function updated(document: Document, update: Document, options: Document = {}, filter: Document = {}): Promise<Document | null> {
  const collection = await fixture.collection([{ _id: 1, ...document }]);
  await collection.updateOne({ _id: 1, ...filter }, update as AnyUpdate, options);
  return collection.findOne({}, { projection: { _id: 0 }, promoteValues: options['promoteValues'] !== false });
}

describe('an update', () => {
  it.each<[string, Document, Document, Document]>([
    ['$set of a path', { a: 1 }, { $set: { 'b.c': 2 } }, { a: 1, b: { c: 2 } }],
    ['$set behind the end of an array', { a: [1] }, { $set: { 'a.2': 3 } }, { a: [1, null, 3] }],
    ['$unset', { a: 1, b: 2 }, { $unset: { a: '' } }, { b: 2 }],
    ['$unset of an element', { a: [1, 2] }, { $unset: { 'a.0': '' } }, { a: [null, 2] }],
    ['$inc of a missing field', {}, { $inc: { a: 2 } }, { a: 2 }],
    ['$mul', { a: 3 }, { $mul: { a: 2, b: 2 } }, { a: 6, b: 0 }],
    ['$min and $max', { a: 5, b: 5 }, { $min: { a: 3 }, $max: { b: 3 } }, { a: 3, b: 5 }],
    ['$rename', { a: 1 }, { $rename: { a: 'b.c' } }, { b: { c: 1 } }],
    ['$push', { a: [1] }, { $push: { a: 2 } }, { a: [1, 2] }],
    ['$push with all its options', { a: [5, 1] }, { $push: { a: { $each: [3, 4], $sort: 1, $slice: -3 } } }, { a: [3, 4, 5] }],
    ['$push at a position', { a: [1, 3] }, { $push: { a: { $each: [2], $position: 1 } } }, { a: [1, 2, 3] }],
    ['$addToSet', { a: [1] }, { $addToSet: { a: { $each: [1, 2, 2] } } }, { a: [1, 2] }],
    ['$pop', { a: [1, 2, 3] }, { $pop: { a: -1 } }, { a: [2, 3] }],
    ['$pull by value', { a: [1, 2, 1] }, { $pull: { a: 1 } }, { a: [2] }],
    ['$pull by condition', { a: [1, 5, 9] }, { $pull: { a: { $gte: 5 } } }, { a: [1] }],
    ['$pull by fields', { a: [{ x: 1, y: 1 }, { x: 2 }] }, { $pull: { a: { x: 1 } } }, { a: [{ x: 2 }] }],
    ['$pullAll', { a: [1, 2, 3] }, { $pullAll: { a: [1, 3] } }, { a: [2] }],
    ['$[]', { a: [1, 2] }, { $inc: { 'a.$[]': 1 } }, { a: [2, 3] }],
    ['a pipeline', { a: 1 }, [{ $set: { b: { $add: ['$a', 1] } } }, { $unset: 'a' }], { b: 2 }],
    ['a pipeline with a condition', { a: 1 }, [{ $set: { a: { $cond: [{ $lt: ['$a', 5] }, 5, '$a'] }, c: { $ifNull: ['$c', 'none'] } } }], { a: 5, c: 'none' }],
    ['a pipeline that takes the greater', { a: 1 }, [{ $replaceWith: { $mergeObjects: ['$$ROOT', { a: { $max: ['$a', 7] } }] } }], { a: 7 }],
  ])('does %s', async (_, before, update, after) => {
    expect(await updated(before, update)).toEqual(after);
  });

  it('does $ at the element that matched, and $[x] at those that pass the filter', async () => {
    const grades = { a: [{ k: 'x', n: 1 }, { k: 'y', n: 1 }] };
    expect(await updated(grades, { $set: { 'a.$.n': 9 } }, {}, { 'a.k': 'y' })).toEqual({ a: [{ k: 'x', n: 1 }, { k: 'y', n: 9 }] });
    const arrayFilters = [{ 'e.k': 'x' }];
    expect(await updated(grades, { $inc: { 'a.$[e].n': 4 } }, { arrayFilters })).toEqual({ a: [{ k: 'x', n: 5 }, { k: 'y', n: 1 }] });
  });

  it('keeps the types of numbers apart', async () => {
    const before = { i: new Int32(2 ** 31 - 1), l: Long.fromString('9007199254740993'), d: new Double(5), x: Decimal128.fromString('0.1') };
    const increment = { $inc: { i: new Int32(1), l: new Int32(2), d: new Int32(1), x: Decimal128.fromString('0.2') } };
    const after = await updated(before, increment, { promoteValues: false });
    expect(after).toEqual({ i: Long.fromString('2147483648'), l: Long.fromString('9007199254740995'), d: new Double(6), x: Decimal128.fromString('0.3') });
  });

  it('takes one instant for $$NOW and $currentDate', async () => {
    const after = await updated({}, [{ $set: { a: '$$NOW', b: { $dateAdd: { startDate: '$$NOW', unit: 'second', amount: 30 } } } }]);
    expect(after?.['b'].getTime() - after?.['a'].getTime()).toBe(30_000);
    const dated = await updated({}, { $currentDate: { a: true, b: { $type: 'timestamp' } } });
    expect(dated?.['a']).toBeInstanceOf(Date);
    expect(dated?.['b']).toBeInstanceOf(Timestamp);
  });

  it.each<[string, Document, Document, number, Document?]>([
    ['$inc of a string', { a: 'x' }, { $inc: { a: 1 } }, 14],
    ['$inc of null', { a: null }, { $inc: { a: 1 } }, 14],
    ['$inc by a string', {}, { $inc: { a: 'x' } }, 14],
    ['$inc past a long', { a: Long.MAX_VALUE }, { $inc: { a: Long.ONE } }, 2],
    ['$push to a scalar', { a: 1 }, { $push: { a: 1 } }, 2],
    ['$addToSet to a scalar', { a: 1 }, { $addToSet: { a: 1 } }, 2],
    ['$pop of a scalar', { a: 1 }, { $pop: { a: 1 } }, 14],
    ['$pull from a scalar', { a: 1 }, { $pull: { a: 1 } }, 2],
    ['$set through a scalar', { a: 1 }, { $set: { 'a.b': 1 } }, 28],
    ['$set of a name in an array', { a: [1] }, { $set: { 'a.b': 1 } }, 28],
    ['two operators on one path', {}, { $set: { a: 1 }, $inc: { a: 1 } }, 40],
    ['a path and its parent', {}, { $set: { a: 1, 'a.b': 1 } }, 40],
    ['another _id', {}, { $set: { _id: 2 } }, 66],
    ['an unknown operator', {}, { $foo: { a: 1 } }, 9],
    ['$ without a match in an array', { a: [1] }, { $set: { 'a.$': 1 } }, 2],
    ['an array filter that nothing uses', { a: [1] }, { $set: { 'a.$[]': 1 } }, 9, { arrayFilters: [{ e: 1 }] }],
    ['an identifier without a filter', { a: [1] }, { $set: { 'a.$[e]': 1 } }, 2],
    ['$[] on a scalar', { a: 1 }, { $set: { 'a.$[]': 1 } }, 2],
    ['a stage that an update has not', {}, [{ $match: {} }], 72],
    ['an unknown stage', {}, [{ $foo: {} }], 40324],
    ['a name that every object has', {}, { $set: { a: 1 }, constructor: { a: 1 } }, 9],
    ['$unset of _id', {}, { $unset: { _id: 1 } }, 66],
    ['$rename of _id', {}, { $rename: { _id: 'a' } }, 66],
    ['$rename below itself', { a: 1 }, { $rename: { a: 'a.b' } }, 2],
    ['$rename from an array', { a: [{ b: 1 }] }, { $rename: { 'a.0.b': 'c' } }, 2],
    ['$bit of a fraction', { a: 1.5 }, { $bit: { a: { or: 1 } } }, 2],
    ['$bit by a fraction', { a: 1 }, { $bit: { a: { or: 1.5 } } }, 2],
    ['$bit by nothing', { a: 1 }, { $bit: { a: {} } }, 2],
    ['$push with a $sort by 2', { a: [] }, { $push: { a: { $each: [1], $sort: { b: 2 } } } }, 2],
    ['$addToSet of no list', { a: [] }, { $addToSet: { a: { $each: 1 } } }, 14],
    ['$pop through a scalar', { a: 1 }, { $pop: { 'a.b': 1 } }, 28],
    ['$ twice', { a: [1] }, { $set: { 'a.$.b.$': 1 } }, 2],
    ['places that turn out to be one', { a: [1, 2] }, { $set: { 'a.$[]': 0, 'a.0': 5 } }, 40],
    ['an empty path', {}, { $set: { '': 1 } }, 56],
    ['an unknown expression', {}, [{ $set: { a: { $foo: 1 } } }], 168],
  ])('refuses %s', async (_, before, update, code, options = {}) => {
    const collection = await fixture.collection([{ _id: 1, ...before }]);
    const stored = await collection.findOne({}, { promoteValues: false });
    expect((await failureOf(collection.updateOne({ _id: 1 }, update as AnyUpdate, options))).code).toBe(code);
    expect(await collection.findOne({}, { promoteValues: false })).toEqual(stored);
  });

  it('agrees with a simple model over many steps', async () => {
    const step = fc.oneof(
      fc.tuple(fc.constant('$inc'), fc.integer({ min: -9, max: 9 })),
      fc.tuple(fc.constant('$set'), fc.integer({ min: -9, max: 9 })),
      fc.tuple(fc.constant('$max'), fc.integer({ min: -9, max: 9 })),
      fc.tuple(fc.constant('$push'), fc.integer({ min: -9, max: 9 })),
    );
    const property = fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
      const collection = await fixture.collection([{ _id: 1 }]);
      const model: { n?: number; list?: number[] } = {};
      for (const [operator, value] of steps) {
        await collection.updateOne({ _id: 1 }, { [operator]: { [operator === '$push' ? 'list' : 'n']: value } });
        if (operator === '$inc') model.n = (model.n ?? 0) + value;
        if (operator === '$set') model.n = value;
        if (operator === '$max') model.n = Math.max(model.n ?? -Infinity, value);
        if (operator === '$push') model.list = [...(model.list ?? []), value];
      }
      expect(await collection.findOne({}, { projection: { _id: 0 } })).toEqual(model);
    });
    await fc.assert(property, { seed: seed(), numRuns: rounds(10) });
  });
});

describe('bits and renames', () => {
  it.each<[string, Document, Document, Document]>([
    ['bits of an int', { a: 13 }, { $bit: { a: { and: 10 } } }, { a: 8 }],
    ['bits of a missing field', {}, { $bit: { a: { or: 5 } } }, { a: 5 }],
    ['a long as soon as one is', { a: 1 }, { $bit: { a: { xor: Long.fromNumber(4) } } }, { a: Long.fromNumber(5) }],
    ['a field under its new name, in the order of the names', { a: 1 }, { $rename: { a: 'z' }, $set: { b: 2 } }, { b: 2, z: 1 }],
  ])('give %s', async (_, before, update, expected) => {
    const collection = await fixture.collection([{ _id: 1, ...before }]);
    await collection.updateOne({ _id: 1 }, update as AnyUpdate);
    const after = await collection.findOne({}, { promoteLongs: false });
    expect(after).toEqual({ _id: 1, ...expected });
    expect(Object.keys(after ?? {})).toEqual(['_id', ...Object.keys(expected)]);
  });
});

describe('a positional update', () => {
  it('agrees with a simple model', async () => {
    const small = fc.integer({ min: 0, max: 4 });
    const rows = fc.array(fc.record({ k: small, n: small }), { minLength: 1, maxLength: 5 });
    const property = fc.asyncProperty(rows, fc.array(small, { minLength: 1, maxLength: 5 }), small, small, async (docs, list, wanted, value) => {
      const collection = await fixture.collection([{ _id: 1, docs, list }]);
      const firstDoc = docs.findIndex(({ k }) => k === wanted);
      const changes: [Document, Document, Document[] | undefined, (model: { docs: { k: number; n: number }[]; list: number[] }) => void][] = [
        [{}, { $inc: { 'list.$[]': value } }, undefined, (model) => (model.list = model.list.map((item) => item + value))],
        [{}, { $set: { 'list.$[e]': value } }, [{ e: { $gte: wanted } }], (model) => (model.list = model.list.map((item) => (item >= wanted ? value : item)))],
        [{}, { $inc: { 'docs.$[d].n': value } }, [{ 'd.k': wanted }], ({ docs: all }) => all.filter(({ k }) => k === wanted).forEach((item) => (item.n += value))],
        [{ 'docs.k': wanted }, { $set: { 'docs.$.n': 7 } }, undefined, ({ docs: all }) => all.slice(firstDoc, firstDoc + 1).forEach((item) => (item.n = 7))],
        [{ docs: { $elemMatch: { k: wanted } } }, { $inc: { 'docs.$.n': 1 } }, undefined, ({ docs: all }) => all.slice(firstDoc, firstDoc + 1).forEach((item) => (item.n += 1))],
      ];
      const model = structuredClone({ docs, list });
      for (const [filter, update, arrayFilters, change] of changes) {
        const { matchedCount } = await collection.updateOne({ _id: 1, ...filter }, update as AnyUpdate, { arrayFilters });
        expect(matchedCount).toBe(Object.keys(filter).length > 0 && firstDoc < 0 ? 0 : 1);
        if (matchedCount === 1) change(model);
        expect(await collection.findOne({}, { projection: { _id: 0 } })).toEqual(model);
      }
      await collection.drop();
    });
    await fc.assert(property, { seed: seed(), numRuns: rounds(20) });
  });
});

describe('an upsert', () => {
  it.each<[string, Document, number]>([
    ['fixes a field and a part of it', { b: 1, 'b.c': 2 }, 54],
    ['fixes a field twice', { $and: [{ b: 1 }, { b: 2 }] }, 54],
    ['has an expression', { $expr: { $eq: ['$a', 1] } }, 224],
  ])('is refused if its filter %s', async (_, filter, code) => {
    const collection = await fixture.collection();
    expect((await failureOf(collection.updateOne(filter, { $set: { a: 1 } }, { upsert: true }))).code).toBe(code);
  });

  it('starts from what the filter fixes', async () => {
    const collection = await fixture.collection();
    const update = { $set: { b: 2 }, $setOnInsert: { c: 3 } };
    const { upsertedId } = await collection.updateOne({ _id: 'k', 'x.y': 1, z: { $gt: 5 }, $and: [{ w: { $eq: 4 } }] }, update, { upsert: true });
    expect(upsertedId).toBe('k');
    await collection.updateOne({ _id: 'k' }, { $setOnInsert: { c: 99 } }, { upsert: true });
    expect(await collection.findOne({})).toEqual({ _id: 'k', x: { y: 1 }, w: 4, b: 2, c: 3 });
  });

  it('starts with nothing from the conditions in an $all', async () => {
    const collection = await fixture.collection();
    await collection.updateOne({ _id: 1, a: { $all: [{ $elemMatch: { b: 1 } }] }, c: { $all: [7] } }, { $set: { d: 2 } }, { upsert: true });
    expect(await collection.findOne({})).toEqual({ _id: 1, c: 7, d: 2 });
  });

  it('on an older position writes once; what is late ends in a duplicate key', async () => {
    const collection = await fixture.collection();
    const write = (position: number) =>
      collection.updateOne(
        { _id: 'k', $or: [{ _position: { $lt: Long.fromNumber(position) } }, { _position: { $exists: false } }] },
        { $set: { _position: Long.fromNumber(position) } },
        { upsert: true },
      );
    await write(5);
    await write(7);
    expect(await failureOf(write(6))).toMatchObject({ code: 11000, keyPattern: { _id: 1 }, keyValue: { _id: 'k' } });
    const racing = await Promise.allSettled([8, 8, 8, 8].map(write));
    expect(racing.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await collection.findOne({})).toEqual({ _id: 'k', _position: 8 });
  });
});
