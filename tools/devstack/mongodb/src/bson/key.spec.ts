import { rounds, seed } from '@ferry/testing/specs';
import { Decimal128, deserialize, Int32, serialize } from 'bson';
import fc from 'fast-check';
import { documents, numbers, values } from '../testing/arbitraries';
import { compare } from './compare';
import { decodeDocument } from './decode';
import { encodeDocument } from './encode';
import { encodeKey } from './key';
import type { Value } from './values';

const options = (few: number) => ({ seed: seed(), numRuns: rounds(few) });

describe('encoded keys', () => {
  it('compare as bytes the way their values compare', () => {
    const check = (a: Value, b: Value) => {
      const order = Math.sign(compare(a, b));
      expect(Math.sign(Buffer.compare(encodeKey(a), encodeKey(b)))).toBe(order);
      expect(Math.sign(Buffer.compare(encodeKey(b, true), encodeKey(a, true)))).toBe(order);
    };
    fc.assert(fc.property(values, values, check), options(200));
    fc.assert(fc.property(numbers, numbers, check), options(200));
  });

  it('are never the beginning of another key', () => {
    const check = (a: Value, b: Value) => {
      const [x, y] = [encodeKey(a), encodeKey(b)];
      if (!x.equals(y)) expect(y.subarray(0, x.length).equals(x)).toBe(false);
    };
    fc.assert(fc.property(values, values, check), options(150));
  });

  it('are equal for equal numbers of different types', () => {
    const fives: Value[] = [5, 5n, new Int32(5), Decimal128.fromString('5'), Decimal128.fromString('5.000'), Decimal128.fromString('50E-1')];
    expect(new Set(fives.map((five) => encodeKey(five).toString('hex'))).size).toBe(1);
  });

  it('tell a long beyond 2^53 from the double next to it, and a decimal tenth from a double one', () => {
    expect(Buffer.compare(encodeKey(2n ** 53n + 1n), encodeKey(2 ** 53))).toBe(1);
    expect(Buffer.compare(encodeKey(0.1), encodeKey(Decimal128.fromString('0.1')))).toBe(1);
  });
});

describe('the order of values', () => {
  it('is total', () => {
    const check = (a: Value, b: Value, c: Value) => {
      expect(Math.sign(compare(a, b)) + Math.sign(compare(b, a))).toBe(0);
      if (compare(a, b) <= 0 && compare(b, c) <= 0) expect(compare(a, c)).toBeLessThanOrEqual(0);
    };
    fc.assert(fc.property(values, values, values, check), options(200));
  });
});

describe('BSON bytes', () => {
  it('are what the official library writes and reads', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const bytes = encodeDocument(document);
        expect(encodeDocument(decodeDocument(bytes))).toEqual(bytes);
        const official = serialize(deserialize(bytes, { promoteValues: false, promoteBuffers: false, bsonRegExp: true }));
        expect(official.length).toBe(bytes.length);
      }),
      options(200),
    );
  });

  it.each([
    ['a size beyond the end', Buffer.from('ff0000000000', 'hex')],
    ['no end', Buffer.from('05000000', 'hex')],
    ['a date that JavaScript cannot hold', Buffer.from('1000000009' + '6100' + 'ffffffffffffff7f' + '00', 'hex')],
    ['a deprecated type', Buffer.from('0800000006610000', 'hex')],
    ['a string beyond the end', Buffer.from('0e00000002610099000000780000', 'hex')],
  ])('are refused with %s', (_, bytes) => {
    expect(() => decodeDocument(bytes)).toThrow(expect.objectContaining({ code: 22 }));
  });
});
