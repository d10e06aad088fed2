import { FerryError } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
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

/** Makes room by taking files away that are to be had elsewhere, the policy's next one first. One at a time, whoever asks. */
export class Evictor {
  /** Of last copies, and until when they are taken for that, the oldest first. */
  private readonly lastCopies = new Map<string, number>();
  private readonly startedAt = performance.now();
  private evicting: Promise<unknown> = Promise.resolve();
  private readonly looking: NodeJS.Timeout;
  private closed = false;

  constructor(
    private readonly parts: EvictorParts,
    private readonly limits: EvictionLimits,
  ) {
    this.looking = setInterval(() => void this.lookAhead(), LOOK_MS);
  }

  /**
   * Frees room until so many bytes are free, or less where nothing more can go.
   * @returns whether there is more room than before, or enough
   * @throws FerryError CACHE_NOT_READY while leases of before the start may live
   */
  makeRoom(neededBytes: number): Promise<boolean> {
    const { budget, order } = this.parts;
    if (budget.freeBytes < neededBytes && this.restingMs > 0 && order.next() !== undefined) throw notYet(this.restingMs);
    return this.inTurn(() => this.free(neededBytes));
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.looking);
    await Promise.allSettled([this.evicting]);
  }

  private get restingMs(): number {
    return this.limits.restMs - (performance.now() - this.startedAt);
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.evicting.then(work, work);
    this.evicting = done;
    return done;
  }

  /** The same work that a request would wait for, done before. */
  private async lookAhead(): Promise<void> {
    const { budget, logger } = this.parts;
    const { maxBytes } = budget;
    const taken = maxBytes - budget.freeBytes;
    if (this.closed || taken <= this.limits.high * maxBytes || this.restingMs > 0) return;
    try {
      await this.inTurn(() => this.free(maxBytes * (1 - this.limits.low)));
    } catch (error) {
      logger.warn({ err: error }, 'files could not be evicted ahead; trying again');
    }
  }

  private async free(neededBytes: number): Promise<boolean> {
    const { budget, order, leases } = this.parts;
    const before = budget.freeBytes;
    const until = performance.now() + LOOKS_FOR_MS;
    leases.sweep();
    this.forgetOldLastCopies();
    for (let looks = 0; budget.freeBytes < neededBytes && looks < LOOKS_PER_REQUEST && performance.now() < until && !this.closed; looks += 1) {
      const assetId = order.next();
      if (assetId === undefined) break;
      await this.tryEvict(assetId);
    }
    return budget.freeBytes >= neededBytes || budget.freeBytes > before;
  }

  /** Afterwards the file is gone, or held: in no case it is the next one again. */
  private async tryEvict(assetId: string): Promise<void> {
    const { order, copies, keeper, index } = this.parts;
    const otherCopy = await copies.find(assetId);
    const released = index.isLastCopyReleased(assetId);
    if (!otherCopy && !released) {
      order.set(assetId, 'last-copy', true);
      this.lastCopies.set(assetId, Date.now() + copies.answersForMs);
      return;
    }
    await keeper.evictForSpace(assetId, otherCopy, () => order.holdOf(assetId) === undefined);
  }

  private forgetOldLastCopies(): void {
    for (const [assetId, until] of this.lastCopies) {
      if (until > Date.now()) return;
      this.lastCopies.delete(assetId);
      this.parts.order.set(assetId, 'last-copy', false);
    }
  }
}

const notYet = (restingMs: number): FerryError =>
  new FerryError(
    'CACHE_NOT_READY',
    'unavailable',
    `The cache is full and began a moment ago: readers from before may still hold its files. Try again in ${Math.ceil(restingMs / 1_000)} seconds.`,
    { retryAfter: new Date(Date.now() + restingMs).toISOString() },
  );
