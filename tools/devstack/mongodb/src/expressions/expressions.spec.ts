import { Double, Long, ObjectId } from 'bson';
import { type Fixture, failureOf, startFixture } from '../testing/fixture';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());

const valueOf = async (expression: unknown): Promise<unknown> => {
  const collection = await fixture.collection([{ _id: 1, a: 1 }]);
  const [result] = await collection.aggregate([{ $replaceWith: { r: expression } }], { promoteLongs: false }).toArray();
  return result?.['r'];
};

const date = new Date('2024-02-29T13:45:56.789Z');

describe('an expression', () => {
  it.each<[string, unknown, unknown]>([
    ['a logarithm', { $log: [8, 2] }, 3],
    ['bits', { $bitAnd: [6, Long.fromNumber(3)] }, Long.fromNumber(2)],
    ['bytes of a text', { $substrBytes: ['h\u00e9llo', 1, 2] }, '\u00e9'],
    ['where bytes begin', { $indexOfBytes: ['h\u00e9llo', 'l'] }, 3],
    ['all matches', { $regexFindAll: { input: 'abab', regex: 'a(b)' } }, [{ match: 'ab', idx: 0, captures: ['b'] }, { match: 'ab', idx: 2, captures: ['b'] }]],
    ['a date as text', { $dateToString: { date, format: '%Y-%m-%d %H:%M:%S.%L %j %u %w %%' } }, '2024-02-29 13:45:56.789 060 4 5 %'],
    ['a date as ISO text', { $dateToString: { date } }, '2024-02-29T13:45:56.789Z'],
    ['a part of a date that is named', { $year: { date, timezone: 'UTC' } }, 2024],
    ['a place from which on to look', { $indexOfArray: [[1, 2, 1], 1, 1] }, 2],
    ['a type by its number', { $convert: { input: '5', to: 16 } }, 5],
    ['no type, for no value', { $convert: { input: '5', to: null } }, null],
    ['a text without a zone as UTC', { $toDate: '2020-01-02T03:04:05' }, new Date('2020-01-02T03:04:05Z')],
  ])('gives %s', async (_, expression, expected) => {
    expect(await valueOf(expression)).toEqual(expected);
  });

  it.each<[unknown, number]>([
    [{ $sqrt: -1 }, 28714],
    [{ $ln: 0 }, 28766],
    [{ $pow: [0, -1] }, 28764],
    [{ $abs: Long.MIN_VALUE }, 28680],
    [{ $round: [1.5, 1.5] }, 51082],
    [{ $toInt: date }, 241],
    [{ $toLong: '9223372036854775808' }, 241],
    [{ $toDecimal: 'x' }, 241],
    [{ $toDate: '5' }, 241],
    [{ $toUpper: new ObjectId() }, 16007],
    [{ $substrBytes: ['\u00e9', 0, 1] }, 28657],
    [{ $regexMatch: { input: 'a', regex: '(' } }, 51111],
    [{ $indexOfCP: ['a', 'a', -1] }, 40097],
    [{ $filter: { input: [1], cond: true, limit: 0 } }, 327392],
    [{ $setIsSubset: [null, [1]] }, 17046],
    [{ $setEquals: [[1]] }, 17045],
    [{ $arrayToObject: [[{ k: 'a' }]] }, 40392],
    [{ $range: [0, 1.5] }, 34446],
    [{ $slice: [[1], new Double(1.5)] }, 28726],
    [{ $let: { vars: { V: 1 }, in: 1 } }, 9],
    [{ $cond: { if: 1, then: 1 } }, 17082],
    [{ $switch: { branches: 5 } }, 40061],
    [{ $dateToString: { date, format: '%q' } }, 18536],
    [{ 'a.b': 1 }, 16412],
    ['$', 16872],
    ['$$', 9],
    [{ $zip: { inputs: [[1]] } }, 115],
    [{ $dateTrunc: { date, unit: 'day', binSize: 2 } }, 115],
    [{ $foo: 1 }, 168],
  ])('%j is refused', async (expression, code) => {
    expect((await failureOf(valueOf(expression))).code).toBe(code);
  });
});
