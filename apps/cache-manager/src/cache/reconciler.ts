import { FerryError } from '@ferry/kernel';
import type { EventStore } from '@ferry/event-store';
import type { Logger } from '@ferry/observability';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheDisk } from '../disk/cache-disk';
import { assetFolders, blobKeyOf, sweepBlobs, sweepTemporary } from '../disk/folder-scan';
import { hashOf } from '../disk/hash';
import { ownerKeyOf, relativePath } from '../disk/layout';
import { inspectMedia } from '../media/inspect';
import { MediaSource } from '../media/media-source';
import { readAsset } from './asset-facts';
import type { CacheIndex, IndexedFile } from './cache-index';
import type { CacheLog } from './cache-log';
import { storedFileOf, type FileKeeper } from './file-keeper';

/** Folders that are looked at together: enough for the threads that read, and bounded. */
const AT_ONCE = 64;

export interface ReconcileReport {
  readonly files: number;
  readonly sweptBlobs: number;
  readonly usedBytes: number;
}

/**
 * Makes folder and events agree, before anything is served: a whole file that no event tells of is adopted, one whose
 * last event says that it went is removed, one that is not there is said to be missing, and what no process finished is
 * swept. To do it again changes nothing more. Of files that are as they should be nothing is opened or read.
 */
export class Reconciler {
  constructor(
    private readonly index: CacheIndex,
    private readonly disk: CacheDisk,
    private readonly log: CacheLog,
    private readonly keeper: FileKeeper,
    private readonly eventStore: EventStore,
    private readonly logger: Logger,
  ) {}

  async run(): Promise<ReconcileReport> {
    const { layout, budget } = this.disk;
    await sweepTemporary(layout);
    const seen = new Set<string>();
    const linked = new Map<string, number>();
    let batch: string[] = [];
    for await (const assetId of assetFolders(layout)) {
      seen.add(assetId);
      if (batch.push(assetId) === AT_ONCE) {
        await this.settleAll(batch, linked);
        batch = [];
      }
    }
    await this.settleAll(batch, linked);
    for (const found of this.index.cached()) if (!seen.has(found.file.assetId)) await this.keeper.lose(found, 'missing');
    const { usedBytes, swept } = await sweepBlobs(layout, linked);
    budget.addUsed(usedBytes - budget.usedBytes);
    return { files: this.index.fileCount, sweptBlobs: swept, usedBytes };
  }

  private async settleAll(assetIds: readonly string[], linked: Map<string, number>): Promise<void> {
    await Promise.all(
      assetIds.map(async (assetId) => {
        const found = this.index.find(assetId);
        if (!found || this.index.isDeleted(assetId)) return this.settle(assetId, found);
        const file = storedFileOf(found);
        const bytes = await this.disk.wholeBytes(file);
        if (bytes === undefined) await this.settle(assetId, found);
        else linked.set(blobKeyOf(file), bytes);
      }),
    );
  }

  private async settle(assetId: string, found: IndexedFile | undefined): Promise<void> {
    if (found && this.index.isDeleted(assetId)) return this.keeper.evictDeleted(assetId);
    const filenames = await readdir(this.disk.layout.assetFolder(assetId));
    if (found) return this.check(found, filenames);
    const [filename, ...others] = filenames;
    if (!filename || others.length || this.index.isGone(assetId) || !(await this.isAdopted(assetId, filename))) {
      this.logger.warn({ assetId, files: filenames.length }, 'removed files that the cache does not keep');
      await rm(this.disk.layout.assetFolder(assetId), { recursive: true, force: true });
    }
  }

  private async check(found: IndexedFile, filenames: readonly string[]): Promise<void> {
    const folder = this.disk.layout.assetFolder(found.file.assetId);
    for (const stray of filenames.filter((name) => name !== found.file.filename)) await rm(join(folder, stray), { recursive: true, force: true });
    const opened = await this.disk.open(storedFileOf(found));
    if (opened.state === 'intact') await opened.handle.close();
    else await this.keeper.lose(found, opened.state);
  }

  /** A file that was whole on the disk when the process died, before its event was written. */
  private async isAdopted(assetId: string, filename: string): Promise<boolean> {
    try {
      await this.adopt(assetId, filename);
      return true;
    } catch (error) {
      const code = (error as FerryError).code ?? '';
      if (!code.startsWith('CONTENT_') && code !== 'ASSET_DELETED' && code !== 'NOT_ADOPTED') throw error;
      this.logger.warn({ assetId, code }, 'a file without an event is not adopted');
      return false;
    }
  }

  private async adopt(assetId: string, filename: string): Promise<void> {
    const asset = await readAsset(this.eventStore, assetId);
    const facts = await this.read(assetId, filename);
    const sha256 = asset?.content?.sha256 ?? facts.sha256;
    if (!asset || facts.sha256 !== sha256) throw notAdopted();
    const file = { assetId, filename, ownerKey: ownerKeyOf(asset.owner), sha256, sizeBytes: facts.sizeBytes };
    const opened = await this.disk.open(file);
    if (opened.state !== 'intact') throw notAdopted();
    await opened.handle.close();
    const data = { nodeId: this.index.nodeId, personal: { path: relativePath(assetId, filename) }, ...facts };
    await this.log.record(assetId, asset.owner, { type: 'RecordFile', data });
    this.logger.info({ assetId }, 'adopted a whole file');
  }

  private async read(assetId: string, filename: string) {
    const handle = await open(this.disk.layout.link(assetId, filename), 'r');
    try {
      const { size: sizeBytes } = await handle.stat();
      return { sizeBytes, sha256: await hashOf(handle), ...(await inspectMedia(new MediaSource(handle, sizeBytes))) };
    } finally {
      await handle.close();
    }
  }
}

const notAdopted = (): FerryError => new FerryError('NOT_ADOPTED', 'conflict', 'The file is not the content of a known asset.');
