import { Binary, Decimal128, Int32, MaxKey, MinKey, ObjectId, Timestamp } from 'bson';
import fc from 'fast-check';
import type { Doc, Value } from '../bson/values';

const INTERESTING_NUMBERS: Value[] = [
  0, -0, 1, 1.5, -1.5, 0.1, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, 2 ** 53, -(2 ** 53),
  2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), 1n, new Int32(1), new Int32(-2147483648),
  ...['0', '1', '1.0', '0.1', '1E+6144', '-1E+6144', '1E-6176', '9007199254740993', '9007199254740992.5', 'NaN', 'Infinity', '-Infinity']
    .map((text) => Decimal128.fromString(text)),
];

export const numbers: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom(...INTERESTING_NUMBERS),
  fc.double(),
  fc.integer().map((value) => new Int32(value)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.tuple(fc.bigInt({ min: -(10n ** 34n) + 1n, max: 10n ** 34n - 1n }), fc.integer({ min: -400, max: 400 })).map(([digits, exponent]) =>
    Decimal128.fromString(`${digits}E${exponent}`),
  ),
);

const strings = fc.oneof(fc.string({ maxLength: 6 }), fc.string({ unit: 'binary', maxLength: 4 }), fc.constantFrom('', 'a', 'a\0', 'a\0b', '\uffff', '\u{10000}'));
const names = fc.constantFrom('a', 'b', 'c', '1', 'ab');

const scalars: fc.Arbitrary<Value> = fc.oneof(
  numbers,
  strings,
  fc.boolean(),
  fc.constant(null),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => new ObjectId(bytes)),
  fc.uint8Array({ maxLength: 5 }).map((bytes) => new Binary(bytes)),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => new Timestamp(value)),
  fc.constantFrom<Value>(new MinKey(), new MaxKey()),
);

const { value } = fc.letrec<{ value: Value; document: Value; array: Value }>((tie) => ({
  value: fc.oneof({ maxDepth: 3, withCrossShrink: true }, scalars, tie('document'), tie('array')),
  document: fc.array(fc.tuple(names, tie('value')), { maxLength: 3 }).map((fields): Value => new Map(fields)),
  array: fc.array(tie('value'), { maxLength: 3 }),
}));

/** Any BSON value, often equal or nearly equal to another one. */
export const values: fc.Arbitrary<Value> = value;

export const documents: fc.Arbitrary<Doc> = fc.array(fc.tuple(names, values), { maxLength: 4 }).map((fields) => new Map(fields));
