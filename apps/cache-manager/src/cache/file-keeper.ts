import type { CachedFile } from '@ferry/contracts';
import type { EvictionReason, FileEvictedData } from '@ferry/domain/cache';
import { defined, FerryError, sameJson, type CopyLocation } from '@ferry/kernel';
import { stepBoundary, type Logger } from '@ferry/observability';
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
  /** Files that are on their way out: whoever asks for one waits for the outcome. */
  private readonly leaving = new Map<string, Promise<void>>();
  /** Files whose last event may not be known here: an append was not answered. */
  private readonly doubtful = new Set<string>();

  constructor(
    private readonly index: CacheIndex,
    private readonly disk: CacheDisk,
    private readonly log: CacheLog,
    private readonly logger: Logger,
    private readonly onEvicted: (reason: EvictionReason, freedBytes: number) => void,
  ) {}

  /**
   * The file, looked at just now. The handle is the caller's to close.
   * @throws FerryError NOT_CACHED, FILE_DAMAGED, FILE_MISSING
   */
  async open(owner: string, assetId: string): Promise<{ file: CachedFile; handle: FileHandle }> {
    const leaving = this.leaving.get(assetId);
    // Why it could not leave, who evicts it hears.
    if (leaving) await Promise.allSettled([leaving]);
    if (this.doubtful.has(assetId)) await this.settle(assetId);
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
    if (!this.index.isDeleted(assetId)) return;
    await this.inTurn(assetId, async () => {
      const found = this.index.find(assetId);
      if (found && this.index.isPinned(assetId)) await this.log.record(assetId, found.owner, { type: 'UnpinFile', data: {} });
      if (found) await this.evict(found, 'asset-deleted');
    });
  }

  /**
   * Others need the room. Nobody gets the file from the moment on at which `mayGo` was asked.
   * @returns whether it went
   * @param otherCopy found alive just now; absent: the owner gave the last copy up
   * @throws FerryError FILE_PINNED, LAST_COPY where that is news to this process
   */
  async evictForSpace(assetId: string, otherCopy: CopyLocation | undefined, mayGo: () => boolean): Promise<boolean> {
    return this.inTurn(assetId, async () => {
      const found = this.index.find(assetId);
      if (!found || !mayGo()) return false;
      await this.evict(found, otherCopy ? 'space' : 'last-copy-released', otherCopy);
      return true;
    });
  }

  /** Files whose bytes are about to be free. */
  get underWay(): readonly Promise<void>[] {
    return [...this.leaving.values()];
  }

  /** Its last event says that the file is gone: what is left of it goes too. */
  async removeLeft(assetId: string): Promise<void> {
    const left = this.index.goneFile(assetId);
    if (!left) return;
    await this.inTurn(assetId, async () => {
      if (this.index.find(assetId)) return;
      for (const filename of await this.disk.filenames(assetId)) await this.disk.remove({ assetId, filename, ...left });
    });
  }

  /** @throws FerryError EVENT_STORE_UNAVAILABLE */
  private async settle(assetId: string): Promise<void> {
    await this.log.refresh(assetId);
    this.doubtful.delete(assetId);
  }

  private async evict(found: IndexedFile, reason: EvictionReason, otherCopy?: CopyLocation): Promise<void> {
    const { assetId } = found.file;
    const leaving = this.takeAway(found, reason, otherCopy);
    this.leaving.set(assetId, leaving);
    try {
      await leaving;
    } finally {
      this.leaving.delete(assetId);
    }
  }

  /** Whoever asks for the file from now on looks at its stream first, unless the append was answered. */
  private async recordEviction({ owner, file: { assetId } }: IndexedFile, data: FileEvictedData): Promise<void> {
    this.doubtful.add(assetId);
    try {
      await this.log.record(assetId, owner, { type: 'EvictFile', data });
      this.doubtful.delete(assetId);
    } catch (error) {
      if ((error as FerryError).code !== 'EVENT_STORE_UNAVAILABLE') this.doubtful.delete(assetId);
      throw error;
    }
  }

  private async takeAway(found: IndexedFile, reason: EvictionReason, otherCopy?: CopyLocation): Promise<void> {
    const { assetId } = found.file;
    const freedBytes = await this.disk.freedByRemoval(storedFileOf(found));
    stepBoundary('cache.before-file-evicted');
    await this.recordEviction(found, defined({ nodeId: this.index.nodeId, reason, freedBytes, otherCopy }));
    stepBoundary('cache.after-file-evicted');
    await this.disk.remove(storedFileOf(found));
    stepBoundary('cache.after-eviction');
    this.onEvicted(reason, freedBytes);
    this.logger.info({ assetId, reason, freedBytes }, 'evicted a file');
  }
}
