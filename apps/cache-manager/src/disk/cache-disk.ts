import { randomUUID } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { serially } from '@ferry/resilience';
import { stepBoundary } from '@ferry/observability';
import type { Budget } from './budget';
import { absentIfMissing, asDiskError, errnoOf } from './disk-errors';
import { ensureFolder, linkOver, syncFolder } from './durable';
import { hashOf } from './hash';
import { IncomingFile } from './incoming-file';
import { CacheLayout } from './layout';
import { OpenFiles } from './open-files';
import { allocatedBytes, hasStamp, stampOf, type StoredFile } from './stored-file';

/** What lies under an asset's name now. The handle of an intact file is the reader's to close. */
export type OpenedFile = { readonly state: 'intact'; readonly handle: FileHandle } | { readonly state: 'damaged' | 'missing' };

/** The cache's folder: writes files so that they survive a crash, keeps one blob per owner and content, and counts bytes. */
export class CacheDisk {
  private readonly inTurn = serially();
  private readonly openFiles = new OpenFiles();

  private constructor(
    readonly layout: CacheLayout,
    readonly budget: Budget,
  ) {}

  static async open(root: string, budget: Budget): Promise<CacheDisk> {
    const layout = new CacheLayout(root);
    for (const folder of [layout.root, layout.assets, layout.blobs, layout.temporary]) await ensureFolder(folder);
    return new CacheDisk(layout, budget);
  }

  /** @throws FerryError EXCEEDS_CACHE, CACHE_FULL, CACHE_UNAVAILABLE */
  receive(sizeBytes?: number): Promise<IncomingFile> {
    return IncomingFile.create(this.layout.temporary, this.budget, this.openFiles, sizeBytes);
  }

  /**
   * Makes a verified incoming file the asset's file: on the disk for good when this returns. A content that the owner
   * has already is kept once.
   * @throws FerryError CACHE_FULL, CACHE_UNAVAILABLE
   */
  async store(incoming: IncomingFile, file: StoredFile): Promise<void> {
    try {
      await this.exclusive(file, async () => {
        await this.seal(incoming, file.sha256);
        stepBoundary('cache.after-seal');
        await this.toBlob(incoming, file);
        stepBoundary('cache.after-rename');
        await this.linkBlob(file);
        stepBoundary('cache.after-link');
      });
    } catch (error) {
      throw asDiskError(error);
    }
  }

  /** First step of a store: the content is on the disk under its temporary name. */
  async seal(incoming: IncomingFile, sha256: string): Promise<void> {
    await incoming.handle.utimes(stampOf(sha256), stampOf(sha256));
    await incoming.sync();
  }

  /** Second step: it has its blob's name, unless the owner has this content already. */
  async toBlob(incoming: IncomingFile, { ownerKey, sha256, sizeBytes }: StoredFile): Promise<void> {
    const blob = this.layout.blob(ownerKey, sha256);
    const existing = await stat(blob).catch(absentIfMissing);
    if (existing && isWhole(existing, { sha256, sizeBytes })) return incoming.discard();
    await ensureFolder(this.layout.ownerFolder(ownerKey));
    const written = await incoming.handle.stat();
    await rename(incoming.path, blob);
    incoming.reservation.settle(allocatedBytes(written));
    if (existing) this.countUnlinked(existing);
    await incoming.close();
  }

  /** Third step: the asset's one name for it. The names are on the disk, then. */
  async linkBlob({ assetId, filename, ownerKey, sha256 }: StoredFile): Promise<void> {
    const folder = this.layout.assetFolder(assetId);
    await ensureFolder(folder);
    const [blob, link] = [this.layout.blob(ownerKey, sha256), this.layout.link(assetId, filename)];
    const former = await stat(link).catch(absentIfMissing);
    await this.link(blob, link);
    if (former) this.countUnlinked(former);
    for (const other of await readdir(folder)) if (other !== filename) await rm(join(folder, other), { recursive: true });
    await syncFolder(this.layout.ownerFolder(ownerKey));
    await syncFolder(folder);
  }

  /**
   * Removes the asset's file, and its blob where no other asset links to it. Answers the bytes that this freed.
   * @throws FerryError CACHE_UNAVAILABLE
   */
  async remove(file: StoredFile): Promise<number> {
    try {
      return await this.exclusive(file, () => this.unlink(file));
    } catch (error) {
      throw asDiskError(error);
    }
  }

  private async unlink(file: StoredFile): Promise<number> {
    const before = this.budget.usedBytes;
    const path = this.layout.link(file.assetId, file.filename);
    const linked = await stat(path).catch(absentIfMissing);
    await rm(this.layout.assetFolder(file.assetId), { recursive: true, force: true });
    stepBoundary('cache.after-unlink');
    if (linked) this.countUnlinked(linked);
    await this.removeUnlinkedBlob(file);
    stepBoundary('cache.after-blob-unlink');
    return before - this.budget.usedBytes;
  }

  /** What lies under the asset's name. */
  async filenames(assetId: string): Promise<string[]> {
    return (await readdir(this.layout.assetFolder(assetId)).catch(absentIfMissing)) ?? [];
  }

  /** What `remove` would free now. */
  async freedByRemoval({ assetId, filename }: StoredFile): Promise<number> {
    const linked = await stat(this.layout.link(assetId, filename)).catch(absentIfMissing);
    return linked && linked.nlink <= 2 ? allocatedBytes(linked) : 0;
  }

  /** Without an asset's name, nobody needs a blob. */
  private async removeUnlinkedBlob({ ownerKey, sha256 }: StoredFile): Promise<void> {
    const path = this.layout.blob(ownerKey, sha256);
    const blob = await stat(path).catch(absentIfMissing);
    if (blob?.nlink !== 1) return;
    await rm(path);
    this.countUnlinked(blob);
  }

  /**
   * Opens the asset's file and looks whether it is what was stored: size, time stamp and inode, without reading it.
   * Only where size is right and the rest is not, the content is read: a file that was merely touched or copied back is
   * kept, and mended.
   */
  async open(file: StoredFile): Promise<OpenedFile> {
    const path = this.layout.link(file.assetId, file.filename);
    const handle = await this.openNoFollow(path);
    if (handle === 'missing' || handle === 'damaged') return { state: handle };
    try {
      if (await this.isIntact(handle, path, file)) return { state: 'intact', handle };
    } catch (error) {
      await handle.close();
      throw asDiskError(error);
    }
    await handle.close();
    return { state: 'damaged' };
  }

  /**
   * Looks at the asset's folder without opening the file: undefined unless exactly that file stands there, and is what was
   * stored by all that can be seen from outside. @returns the bytes that it takes
   */
  async wholeBytes(file: StoredFile): Promise<number | undefined> {
    const { layout } = this;
    const path = layout.link(file.assetId, file.filename);
    const [names, linked, blob] = await Promise.all([
      readdir(layout.assetFolder(file.assetId)).catch(absentIfMissing),
      lstat(path).catch(absentIfMissing),
      stat(layout.blob(file.ownerKey, file.sha256)).catch(absentIfMissing),
    ]);
    if (names?.length !== 1 || !linked || linked.ino !== blob?.ino || !isWhole(linked, file)) return undefined;
    return allocatedBytes(linked);
  }

  private async openNoFollow(path: string): Promise<FileHandle | 'missing' | 'damaged'> {
    try {
      return await this.openFiles.open(path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return 'missing';
      if (errnoOf(error) === 'ELOOP') return 'damaged';
      throw asDiskError(error);
    }
  }

  private async isIntact(handle: FileHandle, path: string, file: StoredFile): Promise<boolean> {
    const blob = this.layout.blob(file.ownerKey, file.sha256);
    const linked = await handle.stat();
    if (!linked.isFile() || linked.size !== file.sizeBytes) return false;
    const inode = (await stat(blob).catch(absentIfMissing))?.ino;
    if (linked.ino === inode && isWhole(linked, file)) return true;
    if ((await hashOf(handle)) !== file.sha256) return false;
    await this.exclusive(file, () => this.mend(path, blob, linked, file));
    return true;
  }

  /**
   * The linked file is right. Its blob becomes the same file again, or it one with a blob that is right too. Where there
   * were two files, one was not ours and never counted.
   */
  private async mend(path: string, blob: string, linked: Stats, { ownerKey, sha256, sizeBytes }: StoredFile): Promise<void> {
    await ensureFolder(this.layout.ownerFolder(ownerKey));
    const existing = await stat(blob).catch(absentIfMissing);
    if (existing && existing.ino !== linked.ino && isWhole(existing, { sha256, sizeBytes })) {
      return this.link(blob, path);
    }
    await this.link(path, blob);
    const handle = await open(path, 'r+');
    try {
      await handle.utimes(stampOf(sha256), stampOf(sha256));
    } finally {
      await handle.close();
    }
  }

  private link(existing: string, name: string): Promise<void> {
    return linkOver(existing, name, join(this.layout.temporary, randomUUID()));
  }

  /** One name of this file is gone; `before` was seen while it was there. With the last name its bytes are free, once nobody reads them. */
  private countUnlinked(before: Stats): void {
    if (before.nlink === 1) this.openFiles.whenClosed(before, () => this.budget.addUsed(-allocatedBytes(before)));
  }

  /** For whoever changes the names of one asset's file or of its blob. */
  private exclusive<T>({ assetId, ownerKey, sha256 }: StoredFile, work: () => Promise<T>): Promise<T> {
    return this.inTurn(assetId, () => this.inTurn(`${ownerKey}/${sha256}`, work));
  }
}

const isWhole = (stats: Stats, { sha256, sizeBytes }: Pick<StoredFile, 'sha256' | 'sizeBytes'>): boolean =>
  stats.isFile() && stats.size === sizeBytes && hasStamp(stats, sha256);
