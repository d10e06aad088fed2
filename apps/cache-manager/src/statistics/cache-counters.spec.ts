import { CacheCounters } from './cache-counters';

const MINUTE = 60_000;
let now = 0;
const countersAt = (): CacheCounters => {
  now = 0;
  return new CacheCounters(() => now);
};

describe('counters', () => {
  it('give ratios of objects and of bytes, and none where nothing happened', () => {
    const counters = countersAt();
    expect(counters.of()).toEqual({ hits: 0, misses: 0, hitBytes: 0, fetchedBytes: 0, evictions: {} });
    for (const reader of ['a', 'b', 'c']) counters.found(reader, 100);
    counters.missed('d');
    counters.fetched(100);
    expect(counters.of()).toEqual({ hits: 3, misses: 1, hitBytes: 300, fetchedBytes: 100, hitRatio: 0.75, byteHitRatio: 0.75, evictions: {} });
  });

  it('count a reader that asks again after its miss once', () => {
    const counters = countersAt();
    expect([counters.missed('a'), counters.missed('a'), counters.found('a', 1), counters.found('a', 1)]).toEqual([true, false, false, true]);
    expect(counters.of()).toMatchObject({ hits: 1, misses: 1 });
  });

  it('forget readers that never came back, the oldest first', () => {
    const counters = countersAt();
    for (let reader = 0; reader <= 10_000; reader += 1) counters.missed(String(reader));
    expect([counters.found('0', 1), counters.found('1', 1)]).toEqual([true, false]);
  });

  it('tell evictions by reason, of the hour, of the day and of all time', () => {
    const counters = countersAt();
    counters.evicted('asset-deleted', 5);
    now = 2_000 * MINUTE;
    counters.evicted('space', 10);
    now += 90 * MINUTE;
    counters.evicted('space', 20);
    expect(counters.of(60).evictions).toEqual({ space: { files: 1, bytes: 20 } });
    expect(counters.of(1_440).evictions).toEqual({ space: { files: 2, bytes: 30 } });
    expect(counters.of().evictions).toEqual({ space: { files: 2, bytes: 30 }, 'asset-deleted': { files: 1, bytes: 5 } });
  });
});
