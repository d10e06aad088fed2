import type { CacheCounts, EvictedCounts } from '@ferry/contracts';
import type { EvictionReason } from '@ferry/domain/cache';
import { defined } from '@ferry/kernel';
import { RecentCounts } from './recent-counts';

/** Readers that missed and may ask again; the oldest are forgotten. */
const MAX_WAITING = 10_000;
const FILES = 'evicted files ';
const BYTES = 'evicted bytes ';

/**
 * Hits, misses and evictions of this process. A reader that misses asks again when the bytes have come: that is no hit, and
 * asking twice meanwhile is no second miss. As proxies do it, the bytes of misses are those that were brought in for them: what
 * never came has no size.
 */
export class CacheCounters {
  private readonly counts: RecentCounts;
  private readonly waiting = new Set<string>();

  /** @param now a clock that never goes backwards, in milliseconds */
  constructor(now: () => number) {
    this.counts = new RecentCounts(now);
  }

  /** @returns whether it counts as a hit */
  found(reader: string, sizeBytes: number): boolean {
    if (this.waiting.delete(reader)) return false;
    this.counts.add('hits', 1);
    this.counts.add('hitBytes', sizeBytes);
    return true;
  }

  /** @returns whether it counts as a miss */
  missed(reader: string): boolean {
    if (this.waiting.has(reader)) return false;
    const [oldest] = this.waiting;
    if (this.waiting.size >= MAX_WAITING && oldest !== undefined) this.waiting.delete(oldest);
    this.waiting.add(reader);
    this.counts.add('misses', 1);
    return true;
  }

  fetched(sizeBytes: number): void {
    this.counts.add('fetchedBytes', sizeBytes);
  }

  evicted(reason: EvictionReason, freedBytes: number): void {
    this.counts.add(FILES + reason, 1);
    this.counts.add(BYTES + reason, freedBytes);
  }

  /** @param minutes of the last ones, at most 1,440; absent: since the start */
  of(minutes?: number): CacheCounts {
    const counts = this.counts.of(minutes);
    const of = (name: string): number => counts.get(name) ?? 0;
    const [hits, misses, hitBytes, fetchedBytes] = ['hits', 'misses', 'hitBytes', 'fetchedBytes'].map(of) as [number, number, number, number];
    const reasons = [...counts.keys()].filter((name) => name.startsWith(FILES)).map((name) => name.slice(FILES.length));
    const evictions = Object.fromEntries(reasons.map((reason): [string, EvictedCounts] => [reason, { files: of(FILES + reason), bytes: of(BYTES + reason) }]));
    return defined({ hits, misses, hitBytes, fetchedBytes, hitRatio: share(hits, misses), byteHitRatio: share(hitBytes, fetchedBytes), evictions });
  }
}

const share = (part: number, rest: number): number | undefined => (part + rest > 0 ? part / (part + rest) : undefined);
