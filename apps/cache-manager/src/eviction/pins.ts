import type { AssetCommandRequest, PinAnswer } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import { serially } from '@ferry/resilience';
import type { CacheIndex, IndexedFile } from '../cache/cache-index';
import type { CacheLog } from '../cache/cache-log';
import { notCached } from '../cache/file-keeper';
import { roundToBlocks, type Budget } from '../disk/budget';
import type { EvictionOrder } from './eviction-order';

export interface PinParts {
  readonly index: CacheIndex;
  readonly log: CacheLog;
  readonly order: EvictionOrder;
  readonly budget: Budget;
  readonly ensureReady: () => void;
}

/** Shares of the budget that pinned files and last copies may take together. */
export interface PinShares {
  readonly all: number;
  readonly perOwner: number;
}

/** What an owner decides of a cached file: that it stays, that it need not, that it may be lost. */
export class Pins {
  /** The limit is of all pins together. */
  private readonly oneByOne = serially();

  constructor(
    private readonly parts: PinParts,
    private readonly shares: PinShares,
  ) {}

  /** @throws FerryError NOT_CACHED, UNEVICTABLE_LIMIT, CACHE_NOT_READY */
  pin(request: AssetCommandRequest): Promise<PinAnswer> {
    return this.oneByOne('pin', () => {
      const found = this.require(request);
      if (!this.parts.index.isPinned(request.assetId)) this.assertRoom(found);
      return this.record(request, 'PinFile', {});
    });
  }

  /** Also of an asset whose file is gone meanwhile. @throws FerryError NOT_CACHED, CACHE_NOT_READY */
  async unpin(request: AssetCommandRequest): Promise<PinAnswer> {
    this.parts.ensureReady();
    if (this.parts.index.ownerOf(request.assetId) !== request.owner) throw notCached();
    return this.record(request, 'UnpinFile', {});
  }

  /** The owner accepts that the last copy is lost when room is needed. @throws FerryError NOT_CACHED, CACHE_NOT_READY */
  async releaseLastCopy(request: AssetCommandRequest): Promise<PinAnswer> {
    this.require(request);
    return this.record(request, 'ReleaseLastCopy', { by: request.actor });
  }

  private require({ owner, assetId }: AssetCommandRequest): IndexedFile {
    this.parts.ensureReady();
    const found = this.parts.index.find(assetId);
    if (found?.owner !== owner || this.parts.index.isDeleted(assetId)) throw notCached();
    return found;
  }

  private async record({ owner, actor, commandId, assetId }: AssetCommandRequest, type: 'PinFile' | 'UnpinFile' | 'ReleaseLastCopy', data: object): Promise<PinAnswer> {
    const token = await this.parts.log.record(assetId, owner, { type, data } as Parameters<CacheLog['record']>[2], { actor, commandId });
    return { token };
  }

  private assertRoom({ owner, file }: IndexedFile): void {
    const { order, budget } = this.parts;
    for (const [share, whose] of [[this.shares.all, undefined], [this.shares.perOwner, owner]] as const) {
      const kept = order.keptBytes(whose) + (order.isKept(file.assetId) ? 0 : roundToBlocks(file.sizeBytes));
      const limitBytes = Math.floor(share * budget.maxBytes);
      if (kept > limitBytes) throw tooMuch(whose === undefined, kept, limitBytes);
    }
  }
}

const tooMuch = (all: boolean, neededBytes: number, limitBytes: number): FerryError =>
  new FerryError(
    'UNEVICTABLE_LIMIT',
    'no-space',
    `Pinned files and last copies ${all ? 'of all owners' : 'of one owner'} may take ${limitBytes} bytes of the cache; these would be ${neededBytes}. Unpin or delete others, or release last copies.`,
    { neededBytes, limitBytes },
  );
