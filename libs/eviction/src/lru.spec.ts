import * as fc from 'fast-check';
import { createPolicy } from './index';

const RUNS = 20 * Number(process.env['FERRY_TEST_ROUNDS'] ?? 10);

describe('lru', () => {
  it('goes by minute and then by id, whatever characters ids have and where they differ', () => {
    const assetId = fc.oneof(fc.string({ maxLength: 5 }), fc.string({ unit: 'binary', maxLength: 3 }), fc.uuid(), fc.string({ unit: fc.constantFrom('\0', 'a', '\x7e', '\x7f', '\x80', 'é'), maxLength: 4 }));
    const files = fc.uniqueArray(fc.tuple(assetId, fc.nat(3)), { selector: ([id]) => id });
    fc.assert(
      fc.property(files, (known) => {
        const policy = createPolicy('lru');
        for (const [id, minute] of known) policy.put({ assetId: id, sizeBytes: 1 }, 30_000_000 + minute);
        const expected = known.toSorted(([id, minute], [other, later]) => minute - later || (id < other ? -1 : 1)).map(([id]) => id);
        const evicted = expected.map(() => {
          const id = policy.next()!;
          policy.remove(id);
          return id;
        });
        expect(evicted).toEqual(expected);
      }),
      { numRuns: RUNS },
    );
  });
});
