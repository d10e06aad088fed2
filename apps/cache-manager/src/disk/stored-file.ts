import type { Stats } from 'node:fs';

/** What is known of a file that should lie in the cache. */
export interface StoredFile {
  readonly assetId: string;
  readonly filename: string;
  readonly ownerKey: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/**
 * The modification time that every blob is given, in seconds: a function of its content. So a file that somebody wrote
 * to is seen without reading it, also after a restart, and nothing has to be remembered for that.
 */
export const stampOf = (sha256: string): number => parseInt(sha256.slice(0, 8), 16) >>> 1;

export const hasStamp = (stats: Stats, sha256: string): boolean => Math.floor(stats.mtimeMs) === stampOf(sha256) * 1000;

/** What the file takes on the disk. */
export const allocatedBytes = (stats: Stats): number => stats.blocks * 512;
