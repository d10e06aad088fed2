import { rounds, seed } from '@ferry/testing/specs';
import fc from 'fast-check';
import type { Document, Filter, Sort } from 'mongodb';
import { type AnyDocument, type Fixture, startFixture } from '../testing/fixture';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());

const scalar = fc.constantFrom<unknown>(null, 1, 2, 2.5, 3, 'x', 'y', true);
const field = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.record({ c: scalar }), fc.array(fc.record({ c: scalar }), { maxLength: 2 }));
const stored = fc.record({ a: field, b: field }, { requiredKeys: [] });
const operand = fc.oneof(
  scalar,
  fc.record({ $gte: fc.integer({ min: 0, max: 3 }), $lt: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ $in: fc.array(scalar, { maxLength: 3 }) }),
  fc.record({ $ne: scalar }),
  fc.record({ $gt: scalar }),
  fc.record({ $exists: fc.boolean() }),
);
const filter = fc.dictionary(fc.constantFrom('a', 'b', 'a.c', 'b.c'), operand, { maxKeys: 3 });
const direction = fc.constantFrom<1 | -1>(1, -1);
const sort = fc.dictionary(fc.constantFrom('a', 'b', 'a.c'), direction, { maxKeys: 2 });
const indexKeys = [{ a: 1 }, { a: -1, b: 1 }, { 'a.c': 1, b: -1 }, { b: 1, 'b.c': 1 }] as const;

describe('a query through an index', () => {
  it('finds what it finds without one, in the same order', async () => {
    const property = fc.asyncProperty(fc.array(stored, { maxLength: 12 }), fc.array(fc.tuple(filter, sort), { minLength: 6, maxLength: 6 }), async (documents, queries) => {
      const collection = await fixture.collection(documents.map((document, _id) => ({ _id, ...document })));
      for (const key of indexKeys) {
        await collection.createIndex(key).catch((error: { code: number }) => expect(error.code).toBe(171));
      }
      for (const [where, order] of queries) {
        const find = (hint?: Document) => collection.find(where as Filter<AnyDocument>, { hint }).sort({ ...order, _id: 1 } as Sort).toArray();
        expect(await find()).toEqual(await find({ $natural: 1 }));
      }
      await collection.drop();
    });
    await fc.assert(property, { seed: seed(), numRuns: rounds(25) });
  });
});
