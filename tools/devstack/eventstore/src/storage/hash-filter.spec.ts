import { randomInt } from 'node:crypto';
import { HashFilter } from './hash-filter';

const hashes = (count: number): number[] => Array.from({ length: count }, () => randomInt(2 ** 21) * 2 ** 32 + randomInt(2 ** 32));

describe('the filter of hashes', () => {
  it('knows all that were added, also those of earlier layers, and few others', () => {
    const filter = new HashFilter();
    const added = hashes(1_000_000);
    for (const hash of added) filter.add(hash);
    expect(added.every((hash) => filter.has(hash))).toBe(true);
    const others = hashes(50_000).filter((hash) => filter.has(hash)).length;
    expect(others / 50_000).toBeLessThan(0.03);
  });

  it('knows nothing at first', () => {
    expect(hashes(1_000).some((hash) => new HashFilter().has(hash))).toBe(false);
  });
});
