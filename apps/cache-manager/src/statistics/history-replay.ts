import { accessStream, CACHE_CATEGORY, type AccessEvent, type CacheEvent } from '@ferry/domain/cache/events';
import type { PolicyName } from '@ferry/eviction';
import { idInStream, type RecordedEvent } from '@ferry/kernel';
import { setImmediate as pause } from 'node:timers/promises';
import { roundToBlocks } from '../disk/budget';
import { minuteOf } from '../eviction/eviction-order';
import { ReplayedCache } from './replayed-cache';

/** Milliseconds of work after which others have their turn, and accesses between two looks at the clock. */
const TURN_MS = 3;
const LOOK_EVERY = 64;
const DAY_MINUTES = 24 * 60;

export interface ReplayOf {
  readonly nodeId: string;
  readonly policy: PolicyName;
  readonly maxBytes: number;
  /** Multiples of the budget to compare. */
  readonly factors: readonly number[];
  /** Share of the assets to look at, with the same share of the budgets: ids are as good as random. */
  readonly sampled: number;
}

interface Known {
  readonly bytes: number;
  /** Of the last access that counted. */
  minute: number;
  pinned: boolean;
}

export interface ReplayedDay {
  accesses: number;
  bytes: number;
  /** By budget, in the order of the factors. */
  readonly hits: number[];
  readonly hitBytes: number[];
}

const emptyDay = (budgets: number): ReplayedDay => ({ accesses: 0, bytes: 0, hits: Array<number>(budgets).fill(0), hitBytes: Array<number>(budgets).fill(0) });

/**
 * Plays a node's history, event by event, to caches of several budgets that begin empty. An access is: a file came, or one was
 * read in another minute than it was last. What was evicted for space stays theirs to decide; what was deleted, damaged or lost
 * goes from all of them; a pin holds in all. Leases and last copies are in no history, so here they hold nothing.
 */
export class HistoryReplay {
  private readonly caches: readonly ReplayedCache[];
  private readonly known = new Map<string, Known>();
  private readonly days = new Map<number, ReplayedDay>();
  private turnBegan = performance.now();
  private untilLook = LOOK_EVERY;

  constructor(private readonly of: ReplayOf) {
    this.caches = of.factors.map((factor) => new ReplayedCache(of.policy, of.maxBytes * factor * of.sampled));
  }

  /** Takes a few milliseconds at a time. */
  async apply(event: RecordedEvent): Promise<void> {
    const assetId = idInStream(CACHE_CATEGORY, event.streamName);
    if (assetId !== undefined) {
      if (this.isSampled(assetId)) this.applyFile(assetId, event as unknown as CacheEvent, minuteOf(event.created));
      return this.takeTurns();
    }
    if (event.streamName !== accessStream(this.of.nodeId)) return;
    const { data } = event as RecordedEvent<AccessEvent>;
    for (const read of data.assetIds) {
      this.access(read, minuteOf(data.minute));
      await this.takeTurns();
    }
  }

  /** Of the days that end with this minute. */
  total(days: number, minute: number): ReplayedDay {
    const sum = emptyDay(this.caches.length);
    for (const [day, counts] of this.days) {
      if (day <= dayOf(minute) - days) continue;
      sum.accesses += counts.accesses;
      sum.bytes += counts.bytes;
      counts.hits.forEach((hits, at) => (sum.hits[at]! += hits));
      counts.hitBytes.forEach((bytes, at) => (sum.hitBytes[at]! += bytes));
    }
    return sum;
  }

  private isSampled(assetId: string): boolean {
    return this.of.sampled >= 1 || parseInt(assetId.slice(0, 8), 16) < this.of.sampled * 2 ** 32;
  }

  private applyFile(assetId: string, event: CacheEvent, minute: number): void {
    switch (event.type) {
      case 'FileCached':
        if (event.data.nodeId === this.of.nodeId) this.came(assetId, roundToBlocks(event.data.sizeBytes), minute);
        return;
      case 'FilePinned':
      case 'FileUnpinned':
        return this.pin(assetId, event.type === 'FilePinned');
      case 'FileEvicted':
        if (event.data.nodeId !== this.of.nodeId || event.data.reason !== 'asset-deleted') return;
        this.known.delete(assetId);
        return this.remove(assetId);
      case 'FileCorrupted':
      case 'FileMissing':
        if (event.data.nodeId === this.of.nodeId) this.remove(assetId);
        return;
      default:
        // A newer release's event, or one that changes nothing here.
        return;
    }
  }

  private came(assetId: string, bytes: number, minute: number): void {
    const { minute: last = -1, pinned = false } = this.known.get(assetId) ?? {};
    this.known.set(assetId, { bytes, minute: last, pinned });
    this.access(assetId, minute);
  }

  private access(assetId: string, minute: number): void {
    const known = this.known.get(assetId);
    if (!known || known.minute === minute) return;
    known.minute = minute;
    const counts = this.days.get(dayOf(minute)) ?? emptyDay(this.caches.length);
    this.days.set(dayOf(minute), counts);
    counts.accesses += 1;
    counts.bytes += known.bytes;
    this.caches.forEach((cache, at) => {
      if (cache.ask(assetId, known.bytes, minute)) {
        counts.hits[at]! += 1;
        counts.hitBytes[at]! += known.bytes;
      } else if (known.pinned) cache.pin(assetId, true);
    });
  }

  private pin(assetId: string, isPinned: boolean): void {
    const known = this.known.get(assetId);
    if (known) known.pinned = isPinned;
    for (const cache of this.caches) cache.pin(assetId, isPinned);
  }

  private remove(assetId: string): void {
    for (const cache of this.caches) cache.remove(assetId);
  }

  private async takeTurns(): Promise<void> {
    this.untilLook -= 1;
    if (this.untilLook > 0) return;
    this.untilLook = LOOK_EVERY;
    if (performance.now() - this.turnBegan < TURN_MS) return;
    await pause();
    this.turnBegan = performance.now();
  }
}

const dayOf = (minute: number): number => Math.floor(minute / DAY_MINUTES);
