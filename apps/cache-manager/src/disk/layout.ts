import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** Owners stand in paths by hash, so that no name of an owner can be a path. */
export const ownerKeyOf = (owner: string): string => createHash('sha256').update(owner).digest('hex').slice(0, 32);

/**
 * Where things lie in the cache's folder:
 * `assets/{assetId}/{filename}` hard-linked to `blobs/{ownerKey}/{sha256}`, and `tmp/` for what is being written.
 */
export class CacheLayout {
  readonly assets: string;
  readonly blobs: string;
  readonly temporary: string;
  readonly lockFile: string;
  /** The copy of the events. */
  readonly journal: string;

  constructor(readonly root: string) {
    this.assets = join(root, 'assets');
    this.blobs = join(root, 'blobs');
    this.temporary = join(root, 'tmp');
    this.lockFile = join(root, 'lock');
    this.journal = join(root, 'events.journal');
  }

  assetFolder(assetId: string): string {
    return join(this.assets, assetId);
  }

  link(assetId: string, filename: string): string {
    return join(this.assets, assetId, filename);
  }

  ownerFolder(ownerKey: string): string {
    return join(this.blobs, ownerKey);
  }

  blob(ownerKey: string, sha256: string): string {
    return join(this.blobs, ownerKey, sha256);
  }
}

/** The path that events and answers carry: relative to the cache's folder, with forward slashes on every platform. */
export const relativePath = (assetId: string, filename: string): string => `assets/${assetId}/${filename}`;

export const filenameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
