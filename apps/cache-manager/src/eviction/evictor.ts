import { FerryError } from '@ferry/kernel';
import { stepBoundary, type Logger } from '@ferry/observability';
import type { Budget } from '../disk/budget';
import type { CacheIndex } from '../cache/cache-index';
import type { FileKeeper } from '../cache/file-keeper';
import type { Leases } from '../cache/leases';
import type { EvictionOrder } from './eviction-order';
import type { OtherCopies } from './other-copies';

/** How often the watermarks are looked at. */
const LOOK_MS = 1_000;
/** Files that are looked at for one request for room; a cache full of last copies is not asked about in one go. */
const LOOKS_PER_REQUEST = 64;
const LOOKS_FOR_MS = 15_000;
/** And ahead of need, each time: their providers are not to be asked more often. */
const LOOKS_AHEAD = 8;
/** Milliseconds for which a file that could not be evicted is left alone. */
const TROUBLE_MS = 30_000;
/** Milliseconds after which it is worth asking again. */
const BUSY_MS = 1_000;

export interface EvictorParts {
  readonly order: EvictionOrder;
  readonly copies: OtherCopies;
  readonly keeper: FileKeeper;
  readonly index: CacheIndex;
  readonly leases: Leases;
  readonly budget: Budget;
  readonly logger: Logger;
}

export interface EvictionLimits {
  /** Share of the budget above which files are evicted in the background. */
  readonly high: number;
  /** Share down to which they are. */
  readonly low: number;
  /** Milliseconds after a start for which leases of before may live: nothing is evicted. */
  readonly restMs: number;
}

interface Wanted {
  /** Bytes; 0 where there is room enough. */
  readonly needed: () => number;
  /** Files that are looked at. */
  readonly looks: number;
}

/** Makes room by taking files away that are to be had elsewhere, the policy's next one first. One at a time, whoever asks. */
export class Evictor {
  /** Files that are held as last copies, and until when (of the monotonic clock). */
  private readonly lastCopies = new Map<string, number>();
  /** When the first of them may be looked at again. */
  private lookAgainAt = 0;
  private readyAt: number | undefined;
  private freeing: Promise<boolean> | undefined;
  private readonly looking: NodeJS.Timeout;
  private closed = false;

  constructor(
    private readonly parts: EvictorParts,
    private readonly limits: EvictionLimits,
  ) {
    this.looking = setInterval(() => void this.lookAhead(), LOOK_MS);
  }

  /** Holders can renew their leases from now on: after the time of a lease those that are not renewed have ended. */
  begin(): void {
    this.readyAt = performance.now();
  }

  /**
   * Frees room until so many bytes are free. While room is being made for another request it waits for that, and is to be asked again.
   * @returns whether there may be more room than before, or enough; false: nothing can go
   * @throws FerryError CACHE_NOT_READY while leases of before the start may live; CACHE_BUSY where files that may go were not found in time
   */
  async makeRoom(neededBytes: number): Promise<boolean> {
    if (this.parts.budget.freeBytes >= neededBytes) return true;
    if (this.closed || this.restingMs > 0) throw notReady(Math.max(BUSY_MS, this.restingMs));
    if (!this.freeing) return this.free({ needed: () => (this.parts.budget.freeBytes < neededBytes ? neededBytes : 0), looks: LOOKS_PER_REQUEST });
    await Promise.allSettled([this.freeing]);
    return true;
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.looking);
    await Promise.allSettled([this.freeing]);
  }

  private get restingMs(): number {
    return this.limits.restMs - (this.readyAt === undefined ? 0 : performance.now() - this.readyAt);
  }

  /** The same work that a request would wait for, done before. */
  private async lookAhead(): Promise<void> {
    const { budget, logger } = this.parts;
    const { maxBytes } = budget;
    if (this.closed || budget.takenBytes <= this.limits.high * maxBytes || this.restingMs > 0 || this.freeing) return;
    try {
      await this.free({ needed: () => Math.max(0, budget.takenBytes - maxBytes * this.limits.low), looks: LOOKS_AHEAD });
    } catch (error) {
      const level = (error as FerryError).code === 'CACHE_BUSY' ? 'debug' : 'warn';
      logger[level]({ err: error }, 'files could not be evicted ahead; trying again');
    }
  }

  private free(wanted: Wanted): Promise<boolean> {
    this.freeing = this.evictUntil(wanted).finally(() => (this.freeing = undefined));
    return this.freeing;
  }

  private async evictUntil({ needed, looks: atMost }: Wanted): Promise<boolean> {
    const { budget, order, leases } = this.parts;
    const until = performance.now() + LOOKS_FOR_MS;
    let evicted = 0;
    leases.sweep();
    this.forgetOldLastCopies();
    for (let looks = 0; needed() > 0; looks += 1) {
      // Where others fill the volume, all that may go would not help.
      const isInVain = budget.volumeLacks(needed()) > order.heldBytes().evictable;
      const assetId = isInVain ? undefined : order.next();
      if (assetId === undefined) return (await this.others()) || evicted > 0;
      if (looks >= atMost || performance.now() > until || this.closed) {
        if (evicted > 0) return true;
        throw busy();
      }
      if (!(await this.tryEvict(assetId))) continue;
      evicted += 1;
      await budget.look();
    }
    return true;
  }

  /** Files of deleted assets may be on their way out: whether there were some. */
  private async others(): Promise<boolean> {
    const { underWay } = this.parts.keeper;
    await Promise.allSettled(underWay);
    return underWay.length > 0;
  }

  /** Afterwards the file is gone, or held: in no case it is the next one again. @throws FerryError EVENT_STORE_UNAVAILABLE */
  private async tryEvict(assetId: string): Promise<boolean> {
    const { order, copies, keeper, index, logger } = this.parts;
    try {
      const { copy: otherCopy, forMs } = await copies.find(assetId);
      stepBoundary('cache.copy-looked-for');
      if (!otherCopy && !index.isLastCopyReleased(assetId)) this.leave(assetId, forMs);
      else return await keeper.evictForSpace(assetId, otherCopy, () => order.holdOf(assetId) === undefined);
    } catch (error) {
      if ((error as FerryError).code === 'EVENT_STORE_UNAVAILABLE') throw error;
      logger.warn({ err: error, assetId }, 'a file could not be evicted; others go first');
      this.leave(assetId, TROUBLE_MS);
    }
    return false;
  }

  private leave(assetId: string, forMs: number): void {
    const until = performance.now() + forMs;
    this.parts.order.set(assetId, 'last-copy', true);
    this.lastCopies.set(assetId, until);
    this.lookAgainAt = Math.min(this.lookAgainAt, until);
  }

  private forgetOldLastCopies(): void {
    const now = performance.now();
    if (now < this.lookAgainAt) return;
    this.lookAgainAt = Infinity;
    for (const [assetId, until] of this.lastCopies) {
      if (until > now) {
        this.lookAgainAt = Math.min(this.lookAgainAt, until);
        continue;
      }
      this.lastCopies.delete(assetId);
      this.parts.order.set(assetId, 'last-copy', false);
    }
  }
}

const later = (ms: number) => ({ retryAfter: new Date(Date.now() + ms).toISOString() });

const notReady = (ms: number): FerryError =>
  new FerryError('CACHE_NOT_READY', 'unavailable', `The cache is full, and readers from before its start may still hold files. Try again in ${Math.ceil(ms / 1_000)} seconds.`, later(ms));

const busy = (): FerryError =>
  new FerryError('CACHE_BUSY', 'unavailable', 'The cache is full, and files that may go were not found in time. Try again in a second.', later(BUSY_MS));
