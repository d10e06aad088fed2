import type { EvictionReason } from '@ferry/domain/cache';
import { Counter, gaugeOf } from '@ferry/observability';
import type { Budget } from '../disk/budget';
import type { EvictionOrder } from '../eviction/eviction-order';
import { CacheCounters } from '../statistics/cache-counters';
import type { Leases } from './leases';

interface Watched {
  readonly budget: Budget;
  readonly order: EvictionOrder;
  readonly leases: Leases;
}

/** Shares of the budget at which unevictable bytes are worth a word. */
const WARNINGS = [0.9, 0.75, 0.5];
/** Of these an operator wants to know whose they are. */
const KEPT = ['pinned', 'last-copy'] as const;

/** What the cache says of itself to /metrics. */
export class CacheMetrics {
  readonly since = new Date();
  /** The same counts over times. */
  readonly counters = new CacheCounters(() => performance.now());
  private readonly evictions = new Counter({ name: 'ferry_cache_evictions_total', help: 'Files evicted, by reason.', labelNames: ['reason'] });
  private readonly evictedBytes = new Counter({ name: 'ferry_cache_evicted_bytes_total', help: 'Bytes that evictions freed, by reason.', labelNames: ['reason'] });
  private readonly asked = new Counter({ name: 'ferry_cache_lookups_total', help: 'Times that a file was asked for to be read: hit or miss. Who asks again after a miss counts once.', labelNames: ['result'] });
  private readonly fetchedBytes = new Counter({ name: 'ferry_cache_fetched_bytes_total', help: 'Bytes that were brought in and kept.' });
  private readonly hitBytes = new Counter({ name: 'ferry_cache_hit_bytes_total', help: 'Bytes of the files that were there when they were asked for.' });
  private readonly scrubbedBytes = new Counter({ name: 'ferry_cache_scrubbed_bytes_total', help: 'Bytes of cached files that were read again and compared.' });

  watch({ budget, order, leases }: Watched): void {
    gaugeOf('ferry_cache_bytes', 'Bytes of the budget: all of it, used by files, and reserved for files that are being written.', ['of'], (set) => {
      set({ of: 'budget' }, budget.maxBytes);
      set({ of: 'used' }, budget.usedBytes);
      set({ of: 'reserved' }, budget.reservedBytes);
    });
    gaugeOf('ferry_cache_held_bytes', 'Allocated bytes of cached files, by what keeps them from being evicted.', ['by'], (set) => {
      for (const [by, bytes] of Object.entries(order.heldBytes())) set({ by }, bytes);
    });
    gaugeOf('ferry_cache_unevictable_warning', 'The highest of 50, 75 and 90 % of the budget that pinned files and last copies exceed, or 0.', [], (set) => {
      set({}, WARNINGS.find((share) => order.keptBytes() > share * budget.maxBytes) ?? 0);
    });
    gaugeOf('ferry_cache_owner_held_bytes', 'Allocated bytes of pinned files and last copies, by owner; owners without are absent.', ['owner', 'by'], (set) => {
      for (const { owner, bytes } of order.holdings()) for (const by of KEPT) if (bytes[by]) set({ owner, by }, bytes[by]);
    });
    gaugeOf('ferry_cache_owner_held_files', 'The same in files.', ['owner', 'by'], (set) => {
      for (const { owner, files } of order.holdings()) for (const by of KEPT) if (files[by]) set({ owner, by }, files[by]);
    });
    gaugeOf('ferry_cache_leases', 'Leases that have not ended.', [], (set) => set({}, leases.count));
  }

  evicted(reason: EvictionReason, freedBytes: number): void {
    this.evictions.inc({ reason });
    this.evictedBytes.inc({ reason }, freedBytes);
    this.counters.evicted(reason, freedBytes);
  }

  scrubbed(bytes: number): void {
    this.scrubbedBytes.inc(bytes);
  }

  /** @param reader who asks for which asset, the same when it asks again */
  hit(reader: string, sizeBytes: number): void {
    if (!this.counters.found(reader, sizeBytes)) return;
    this.asked.inc({ result: 'hit' });
    this.hitBytes.inc(sizeBytes);
  }

  missed(reader: string): void {
    if (this.counters.missed(reader)) this.asked.inc({ result: 'miss' });
  }

  fetched(sizeBytes: number): void {
    this.fetchedBytes.inc(sizeBytes);
    this.counters.fetched(sizeBytes);
  }
}
