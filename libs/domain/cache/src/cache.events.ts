import { eventTypesOf, type CopyLocation, type DomainEvent, type VerifiedFacts } from '@ferry/kernel';

/** Prefix of the streams of an asset's cached files. */
export const CACHE_CATEGORY = 'cache-';
export const cacheStream = (assetId: string): string => `${CACHE_CATEGORY}${assetId}`;

interface OnNode {
  readonly nodeId: string;
}

export interface FileCachedData extends OnNode, VerifiedFacts {
  /** The path tells the file's name. */
  readonly personal: {
    /** Relative to the cache's folder: `assets/{assetId}/{filename}`. */
    readonly path: string;
  };
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly downloadId?: string;
}

/** Room for others, the asset's deletion, or the owner's acceptance that the last copy is lost. */
export type EvictionReason = 'space' | 'asset-deleted' | 'last-copy-released';

export interface FileEvictedData extends OnNode {
  readonly reason: EvictionReason;
  readonly freedBytes: number;
  /** The copy that made this one dispensable. */
  readonly otherCopy?: CopyLocation;
}

export interface CaptureSkippedData {
  readonly reason: string;
  /** ISO date of the known or assumed end. */
  readonly originEndsAt: string;
}

export type CacheEvent =
  | DomainEvent<'FileCached', FileCachedData>
  | DomainEvent<'FilePinned', Readonly<Record<string, never>>>
  | DomainEvent<'FileUnpinned', Readonly<Record<string, never>>>
  | DomainEvent<'FileEvicted', FileEvictedData>
  | DomainEvent<'FileCorrupted', OnNode>
  | DomainEvent<'FileMissing', OnNode>
  | DomainEvent<'LastCopyReleased', { readonly by: string }>
  | DomainEvent<'CaptureSkipped', CaptureSkippedData>;

export const CACHE_EVENT_TYPES = eventTypesOf<CacheEvent>({
  FileCached: true,
  FilePinned: true,
  FileUnpinned: true,
  FileEvicted: true,
  FileCorrupted: true,
  FileMissing: true,
  LastCopyReleased: true,
  CaptureSkipped: true,
});

/** Prefix of the streams of accesses, one per node; written in batches, without decisions. */
export const ACCESS_CATEGORY = 'access-';
export const accessStream = (nodeId: string): string => `${ACCESS_CATEGORY}${nodeId}`;

/** At most this many accesses in one event. */
export const MAX_ACCESSES_PER_EVENT = 5_000;

export type AccessEvent = DomainEvent<
  'FilesAccessed',
  {
    /** ISO date of the minute's start. */
    readonly minute: string;
    readonly assetIds: readonly string[];
  }
>;

export const ACCESS_EVENT_TYPES = eventTypesOf<AccessEvent>({ FilesAccessed: true });
