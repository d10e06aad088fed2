import { opendir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UUID_PATTERN } from '@ferry/kernel';
import { absentIfMissing } from './disk-errors';
import type { CacheLayout } from './layout';
import { allocatedBytes } from './stored-file';

const BLOB_NAME = /^[0-9a-f]{64}$/;
const OWNER_FOLDER = /^[0-9a-f]{32}$/;

/** Names of a folder that are read at a time. */
const NAMES_AT_ONCE = 1_024;

/** Nothing that a former process was writing is of use. */
export const sweepTemporary = async ({ temporary }: CacheLayout): Promise<void> => {
  for (const name of await readdir(temporary)) await rm(join(temporary, name), { recursive: true, force: true });
};

/** The ids of the assets that have a folder. What is not one of ours is left alone. */
export async function* assetFolders(layout: CacheLayout): AsyncGenerator<string> {
  for await (const entry of await opendir(layout.assets, { bufferSize: NAMES_AT_ONCE })) {
    if (entry.isDirectory() && UUID_PATTERN.test(entry.name)) yield entry.name;
  }
}

interface BlobName {
  readonly ownerKey: string;
  readonly sha256: string;
}

export const blobKeyOf = ({ ownerKey, sha256 }: BlobName): string => `${ownerKey}/${sha256}`;

/**
 * Removes blobs that no asset links to and answers what the others take. To be called when the names of assets are
 * settled.
 * @param linked blobs that were seen with a link, by `blobKeyOf`, with the bytes that they take: they are not looked at again
 */
export const sweepBlobs = async (layout: CacheLayout, linked: ReadonlyMap<string, number>): Promise<{ usedBytes: number; swept: number }> => {
  let usedBytes = 0;
  let swept = 0;
  for await (const { ownerKey, sha256 } of blobNames(layout)) {
    const known = linked.get(blobKeyOf({ ownerKey, sha256 }));
    if (known !== undefined) {
      usedBytes += known;
      continue;
    }
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
    for await (const { name } of await opendir(layout.ownerFolder(ownerKey), { bufferSize: NAMES_AT_ONCE })) {
      if (BLOB_NAME.test(name)) yield { ownerKey, sha256: name };
    }
  }
}
