import { opendir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UUID_PATTERN } from '@ferry/kernel';
import { absentIfMissing } from './disk-errors';
import type { CacheLayout } from './layout';
import { allocatedBytes } from './stored-file';

const BLOB_NAME = /^[0-9a-f]{64}$/;
const OWNER_FOLDER = /^[0-9a-f]{32}$/;

/** Nothing that a former process was writing is of use. */
export const sweepTemporary = async ({ temporary }: CacheLayout): Promise<void> => {
  for (const name of await readdir(temporary)) await rm(join(temporary, name), { recursive: true, force: true });
};

export interface AssetFolder {
  readonly assetId: string;
  readonly filenames: readonly string[];
}

/** The assets' folders, one after the other. What is not one of ours is left alone. */
export async function* assetFolders(layout: CacheLayout): AsyncGenerator<AssetFolder> {
  for await (const entry of await opendir(layout.assets)) {
    if (entry.isDirectory() && UUID_PATTERN.test(entry.name)) {
      yield { assetId: entry.name, filenames: await readdir(layout.assetFolder(entry.name)) };
    }
  }
}

interface BlobName {
  readonly ownerKey: string;
  readonly sha256: string;
}

/**
 * Removes blobs that no asset links to and answers what the others take. To be called when the names of assets are
 * settled.
 */
export const sweepBlobs = async (layout: CacheLayout): Promise<{ usedBytes: number; swept: number }> => {
  let usedBytes = 0;
  let swept = 0;
  for await (const { ownerKey, sha256 } of blobNames(layout)) {
    const path = layout.blob(ownerKey, sha256);
    const stats = await stat(path).catch(absentIfMissing);
    if (!stats) continue;
    if (stats.nlink > 1) {
      usedBytes += allocatedBytes(stats);
      continue;
    }
    await rm(path, { force: true });
    swept += 1;
  }
  return { usedBytes, swept };
};

async function* blobNames(layout: CacheLayout): AsyncGenerator<BlobName> {
  for (const ownerKey of await readdir(layout.blobs)) {
    if (!OWNER_FOLDER.test(ownerKey)) continue;
    for await (const { name } of await opendir(layout.ownerFolder(ownerKey))) {
      if (BLOB_NAME.test(name)) yield { ownerKey, sha256: name };
    }
  }
}
