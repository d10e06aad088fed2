import { rounds, seed } from '@ferry/testing/specs';
import { Decimal128, Double, Int32, Long, MinKey, ObjectId, serialize } from 'bson';
import fc from 'fast-check';
import type { Document, Filter } from 'mongodb';
import { decodeDocument } from '../bson/decode';
import { type AnyDocument, failureOf, type Fixture, startFixture } from '../testing/fixture';

import { compileFilter } from './matcher';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());

const scope = { environment: { now: new Date(0), variables: new Map() } };
const matches = (filter: Document, document: Document): boolean =>
  compileFilter(decodeDocument(Buffer.from(serialize(filter))))(decodeDocument(Buffer.from(serialize(document))), scope);

const id = new ObjectId();

describe('a filter', () => {
  it.each<[string, Document, Document, boolean]>([
    ['equal numbers of two types', { a: Long.fromNumber(5) }, { a: new Double(5) }, true],
    ['a decimal and a double that differ', { a: Decimal128.fromString('0.1') }, { a: 0.1 }, false],
    ['null for a missing field', { a: null }, {}, true],
    ['$gte null for a missing field', { a: { $gte: null } }, {}, true],
    ['$gt null', { a: { $gt: null } }, { a: null }, false],
    ['a missing field is not there', { a: { $exists: true } }, { b: 1 }, false],
    ['an element of an array', { a: 2 }, { a: [1, 2] }, true],
    ['the whole array', { a: [1, 2] }, { a: [1, 2] }, true],
    ['the array in another order', { a: [2, 1] }, { a: [1, 2] }, false],
    ['two elements for two conditions', { a: { $gt: 5, $lt: 2 } }, { a: [1, 9] }, true],
    ['one element for two conditions', { a: { $elemMatch: { $gt: 5, $lt: 2 } } }, { a: [1, 9] }, false],
    ['$elemMatch on documents', { a: { $elemMatch: { b: 1, c: 2 } } }, { a: [{ b: 1, c: 9 }, { b: 1, c: 2 }] }, true],
    ['a path through an array', { 'a.b': 2 }, { a: [{ b: 1 }, { b: 2 }] }, true],
    ['a path with an index', { 'a.1.b': 2 }, { a: [{ b: 1 }, { b: 2 }] }, true],
    ['null where no element is a document', { 'a.b': null }, { a: [1, 2] }, false],
    ['null where one element lacks the field', { 'a.b': null }, { a: [{ b: 1 }, { c: 2 }] }, true],
    ['$ne looks at all elements', { a: { $ne: 2 } }, { a: [1, 2] }, false],
    ['$nin with a missing field', { a: { $nin: [1] } }, {}, true],
    ['another type is not less', { a: { $lt: 5 } }, { a: 'x' }, false],
    ['NaN is not less', { a: { $lt: 5 } }, { a: NaN }, false],
    ['NaN is itself', { a: { $gte: NaN } }, { a: NaN }, true],
    ['a document with its fields in order', { a: { x: 1, y: 2 } }, { a: { x: 1, y: 2 } }, true],
    ['a document with its fields in another order', { a: { y: 2, x: 1 } }, { a: { x: 1, y: 2 } }, false],
    ['$type of an element', { a: { $type: 'string' } }, { a: [1, 'x'] }, true],
    ['$type number', { a: { $type: 'number' } }, { a: Long.fromNumber(1) }, true],
    ['$type int is not double', { a: { $type: 'int' } }, { a: new Double(1) }, false],
    ['$type by number', { a: { $type: 16 } }, { a: new Int32(1) }, true],
    ['$size', { a: { $size: 2 } }, { a: [1, 2] }, true],
    ['$all', { a: { $all: [1, 2] } }, { a: [2, 1, 3] }, true],
    ['$all of nothing', { a: { $all: [] } }, { a: [] }, false],
    ['$gt the least key, of a missing field', { a: { $gt: new MinKey() } }, {}, true],
    ['$regex equals the same expression', { a: { $regex: '^a' } }, { a: /^a/ }, true],
    ['a reference, which is no operator', { a: { $ref: 'c', $id: 1 } }, { a: { $ref: 'c', $id: 1 } }, true],
    ['$elemMatch on an array inside', { a: { $elemMatch: { 0: 5 } } }, { a: [[5, 6]] }, true],
    ['$type of a type that nothing has', { a: { $type: 'symbol' } }, { a: 1 }, false],
    ['$bitsAllSet by places', { a: { $bitsAllSet: [1, 5] } }, { a: 54 }, true],
    ['$bitsAnyClear of a negative number', { a: { $bitsAnyClear: [200] } }, { a: -1 }, false],
    ['$bitsAllClear by mask', { a: { $bitsAllClear: 35 } }, { a: 20 }, true],
    ['$bitsAnySet of a fraction', { a: { $bitsAnySet: 1 } }, { a: 1.5 }, false],
    ['$regex with options', { a: { $regex: '^AB', $options: 'i' } }, { a: 'abc' }, true],
    ['$in with an expression', { a: { $in: [/^x/, id] } }, { a: 'xy' }, true],
    ['$in with an ObjectId', { a: { $in: [id] } }, { a: new ObjectId(id.toHexString()) }, true],
    ['$mod', { a: { $mod: [4, 1] } }, { a: 5 }, true],
    ['$not', { a: { $not: { $gt: 5 } } }, {}, true],
    ['$or', { $or: [{ a: 1 }, { b: 1 }] }, { b: 1 }, true],
    ['$nor', { $nor: [{ a: 1 }, { b: 1 }] }, { b: 1 }, false],
    ['$expr', { $expr: { $gt: ['$a', '$b'] } }, { a: 2, b: 1 }, true],
  ])('decides %s', (_, filter, document, expected) => {
    expect(matches(filter, document)).toBe(expected);
  });

  it.each<[string, Document, number]>([
    ['an unknown operator', { a: { $foo: 1 } }, 2],
    ['an unknown top-level operator', { $foo: 1 }, 2],
    ['an empty $or', { $or: [] }, 2],
    ['$in without an array', { a: { $in: 1 } }, 2],
    ['a negative $size', { a: { $size: -1 } }, 2],
    ['a name that every object has', { a: { $gt: 1, toString: 2 } }, 2],
    ['$all of values and $elemMatch', { a: { $all: [{ $elemMatch: { b: 1 } }, 5] } }, 2],
    ['a negative mask of bits', { a: { $bitsAllSet: -1 } }, 9],
    ['options of an expression given twice', { a: { $regex: /a/i, $options: 's' } }, 51075],
    ['a broken expression', { a: { $regex: '(' } }, 51091],
    ['an unknown type', { a: { $type: 'foo' } }, 2],
    ['$where', { $where: 'true' }, 115],
    ['a variable that is not defined', { $expr: { $eq: ['$a', '$$foo'] } }, 17276],
    ['an unknown expression', { $expr: { $foo: 1 } }, 168],
  ])('is refused with %s', async (_, filter, code) => {
    const collection = await fixture.collection([{ a: 1 }]);
    expect((await failureOf(collection.findOne(filter as Filter<AnyDocument>))).code).toBe(code);
  });

  it('agrees with a simple model of comparisons', () => {
    const scalars = fc.integer({ min: -2, max: 2 });
    const fields = fc.oneof(scalars, fc.array(scalars, { maxLength: 3 }));
    const operators = { $eq: (x: number, y: number) => x === y, $gt: (x: number, y: number) => x > y, $lte: (x: number, y: number) => x <= y };
    const names = fc.constantFrom(...(Object.keys(operators) as (keyof typeof operators)[]));
    fc.assert(
      fc.property(fields, names, scalars, fc.boolean(), (field, operator, wanted, negated) => {
        const expected = [field].flat().some((item) => operators[operator](item, wanted));
        const condition = { [operator]: wanted };
        expect(matches({ a: negated ? { $not: condition } : condition }, { a: field })).toBe(expected !== negated);
      }),
      { seed: seed(), numRuns: rounds(300) },
    );
  });

  it('agrees with a simple model of paths through arrays, types and missing fields', () => {
    fc.assert(
      fc.property(pathField, condition, (field, { operator, operand, holds }) => {
        const document = field === undefined ? {} : { a: field };
        expect(matches({ 'a.b': { [operator]: operand } }, document)).toBe(holds(reached(field)));
      }),
      { seed: seed(), numRuns: rounds(1000) },
    );
  });

  it.each<[Document, Document, boolean]>([
    [{ 'a.b': { x: 1, y: 2 } }, { a: [{ b: { y: 2, x: 1 } }, { b: { x: 1, y: 2 } }] }, true],
    [{ 'a.b': { x: 1, y: 2 } }, { a: [{ b: { y: 2, x: 1 } }] }, false],
    [{ 'a.b': { x: 1 } }, { a: { b: { x: 1, y: 2 } } }, false],
    [{ a: { $lt: { x: 2 } } }, { a: { x: 1, y: 9 } }, true],
    [{ a: { x: Long.fromNumber(1) } }, { a: { x: Decimal128.fromString('1.0') } }, true],
  ])('compares documents with their order: %j and %j', (filter, document, expected) => {
    expect(matches(filter, document)).toBe(expected);
  });
});

/** What a value of the model is: how it is stored, its type, and what it equals. */
interface Sample {
  stored: unknown;
  type: string;
  equals: unknown;
}

const samples: Sample[] = [
  { stored: new Int32(1), type: 'int', equals: 1 },
  { stored: new Double(1), type: 'double', equals: 1 },
  { stored: Long.fromNumber(1), type: 'long', equals: 1 },
  { stored: Decimal128.fromString('1.00'), type: 'decimal', equals: 1 },
  { stored: new Int32(2), type: 'int', equals: 2 },
  { stored: 'x', type: 'string', equals: 'x' },
  { stored: null, type: 'null', equals: null },
];
const sampleOf = (stored: unknown): Sample | undefined => samples.find((sample) => sample.stored === stored);
const sample = fc.constantFrom(...samples.map(({ stored }) => stored));
const leaf = fc.oneof(sample, fc.array(sample, { minLength: 1, maxLength: 2 }));
const inner = fc.oneof(fc.record({ b: leaf }), fc.record({ c: sample }));
const pathField = fc.oneof(fc.constant(undefined), sample, inner, fc.array(fc.oneof(sample, inner), { minLength: 1, maxLength: 3 }));

/** The values that `a.b` leads to; `undefined` where the field is missing. Elements that are no documents lead nowhere. */
function reached(field: unknown): unknown[] {
  const isPlain = (value: unknown): value is { b?: unknown } => sampleOf(value) === undefined && typeof value === 'object' && value !== null;
  if (Array.isArray(field)) return field.filter(isPlain).map(({ b }) => b);
  return [isPlain(field) ? field.b : undefined];
}

/** Each value and, of an array, each element. */
const looked = (values: unknown[]): unknown[] => values.flatMap((value) => (Array.isArray(value) ? [value, ...(value as unknown[])] : [value]));
const equalsSample = (value: unknown, wanted: Sample): boolean =>
  value === undefined ? wanted.equals === null : sampleOf(value)?.equals === wanted.equals && sampleOf(value) !== undefined;
const anyEquals = (values: unknown[], wanted: Sample[]): boolean =>
  looked(values).some((value) => wanted.some((item) => equalsSample(value, item)));

const condition = fc.tuple(fc.constantFrom(...samples), fc.constantFrom(...samples)).chain(([first, second]) => {
  const conditions: { operator: string; operand: unknown; holds: (values: unknown[]) => boolean }[] = [
    { operator: '$eq', operand: first.stored, holds: (values) => anyEquals(values, [first]) },
    { operator: '$ne', operand: first.stored, holds: (values) => !anyEquals(values, [first]) },
    { operator: '$in', operand: [first.stored, second.stored], holds: (values) => anyEquals(values, [first, second]) },
    { operator: '$nin', operand: [first.stored, second.stored], holds: (values) => !anyEquals(values, [first, second]) },
    { operator: '$exists', operand: true, holds: (values) => values.some((value) => value !== undefined) },
    { operator: '$exists', operand: false, holds: (values) => values.every((value) => value === undefined) },
    { operator: '$type', operand: first.type, holds: (values) => looked(values).some((value) => sampleOf(value)?.type === first.type) },
    { operator: '$type', operand: 'array', holds: (values) => values.some((value) => Array.isArray(value)) },
  ];
  return fc.constantFrom(...conditions);
});
