import type { CachedFile } from '@ferry/contracts';
import { FerryError, sameJson } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
import { serially } from '@ferry/resilience';
import type { FileHandle } from 'node:fs/promises';
import type { CacheDisk, OpenedFile } from '../disk/cache-disk';
import { ownerKeyOf } from '../disk/layout';
import type { StoredFile } from '../disk/stored-file';
import type { CacheIndex, IndexedFile } from './cache-index';
import type { CacheLog } from './cache-log';

export const notCached = (): FerryError => new FerryError('NOT_CACHED', 'not-found', 'The asset is not in the cache. Bring it in first.');

const LOSS = {
  damaged: { command: 'RecordCorruption', code: 'FILE_DAMAGED', message: 'The cached file is damaged and not served any more. Bring it in again.' },
  missing: { command: 'RecordMissing', code: 'FILE_MISSING', message: 'The cached file is gone from the disk. Bring it in again.' },
} as const;

const NOT_THERE = ['NOT_CACHED', ...Object.values(LOSS).map(({ code }) => code)];

export const storedFileOf = ({ owner, file }: IndexedFile): StoredFile => ({
  assetId: file.assetId,
  filename: file.filename,
  ownerKey: ownerKeyOf(owner),
  sha256: file.sha256,
  sizeBytes: file.sizeBytes,
});

/** Gives out cached files, only whole ones and only to their owner, and takes away those that must go. Event first, then the disk. */
export class FileKeeper {
  /** Whoever changes an asset's file and says so in the events, one after the other. */
  readonly inTurn = serially();

  constructor(
    private readonly index: CacheIndex,
    private readonly disk: CacheDisk,
    private readonly log: CacheLog,
    private readonly logger: Logger,
  ) {}

  /**
   * The file, looked at just now. The handle is the caller's to close.
   * @throws FerryError NOT_CACHED, FILE_DAMAGED, FILE_MISSING
   */
  async open(owner: string, assetId: string): Promise<{ file: CachedFile; handle: FileHandle }> {
    const found = this.index.find(assetId);
    if (found?.owner !== owner || this.index.isDeleted(assetId)) throw notCached();
    const opened = await this.disk.open(storedFileOf(found));
    if (opened.state === 'intact') return { file: found.file, handle: opened.handle };
    await this.lose(found, opened.state);
    throw new FerryError(LOSS[opened.state].code, 'not-found', LOSS[opened.state].message);
  }

  /** As `open`, for who wants to know and not to read. Undefined where there is no whole file. */
  async look(owner: string, assetId: string): Promise<CachedFile | undefined> {
    try {
      const { file, handle } = await this.open(owner, assetId);
      await handle.close();
      return file;
    } catch (error) {
      if (!(error instanceof FerryError) || !NOT_THERE.includes(error.code)) throw error;
      return undefined;
    }
  }

  /** A file that is not what was stored: said in the events, and never served again. */
  lose(found: IndexedFile, state: Exclude<OpenedFile['state'], 'intact'>): Promise<void> {
    const { assetId } = found.file;
    return this.inTurn(assetId, async () => {
      if (!sameJson(this.index.find(assetId), found)) return;
      await this.log.record(assetId, found.owner, { type: LOSS[state].command, data: { nodeId: this.index.nodeId } });
      await this.disk.remove(storedFileOf(found));
      this.logger.error({ assetId, state }, 'a cached file was lost');
    });
  }

  /** The asset was deleted: its file goes, pinned or not. */
  async evictDeleted(assetId: string): Promise<void> {
    if (this.index.isDeleted(assetId)) await this.inTurn(assetId, () => this.evict(assetId));
  }

  private async evict(assetId: string): Promise<void> {
    const found = this.index.find(assetId);
    if (!found) return;
    const { nodeId } = this.index;
    const freedBytes = await this.disk.freedByRemoval(storedFileOf(found));
    if (this.index.isPinned(assetId)) await this.log.record(assetId, found.owner, { type: 'UnpinFile', data: {} });
    await this.log.record(assetId, found.owner, { type: 'EvictFile', data: { nodeId, reason: 'asset-deleted', freedBytes } });
    await this.disk.remove(storedFileOf(found));
    this.logger.info({ assetId, freedBytes }, 'evicted the file of a deleted asset');
  }
}
