import { RUN_ID_PATTERN, type MediaKind, MEDIA_KINDS, type Token } from '@ferry/kernel';
import { IsBoolean, IsIn, IsInt, IsNotEmpty, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { AssetCommandRequest, AssetRequest, INSTANT_MESSAGE, INSTANT_PATTERN, NAME_PATTERN, OwnedRequest, SHA256_PATTERN } from './common.dto';

/** Asks for a place to put an asset's bytes. */
export class OpenDownloadRequest extends AssetRequest {
  @Matches(RUN_ID_PATTERN) downloadId!: string;
  @IsInt() @Min(1) epoch!: number;
  @IsInt() @Min(1) attempt!: number;
  /** As the provider or user named it; made safe here. */
  @IsOptional() @IsString() @MaxLength(255) filename?: string;
  @IsIn(MEDIA_KINDS) kind!: MediaKind;
  /** Bytes, where known before: refused now if they cannot fit. */
  @IsOptional() @IsInt() @Min(1) sizeBytes?: number;
  /** Where the content is known already: other content is refused as `content-changed`. */
  @IsOptional() @Matches(SHA256_PATTERN) sha256?: string;
}

export interface OpenDownloadAnswer {
  /** PUT the bytes here, once; answers a CachedFile. */
  readonly putUrl: string;
  readonly nodeId: string;
}

export interface CachedFile {
  readonly assetId: string;
  readonly nodeId: string;
  /** Relative to the cache's folder: `assets/{assetId}/{filename}`. */
  readonly path: string;
  readonly filename: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly mimeType: string;
  readonly kind: MediaKind;
  readonly width?: number;
  readonly height?: number;
  readonly durationSeconds?: number;
}

/** Asks for an address to read a download from while its bytes come. */
export class FollowDownloadRequest extends AssetRequest {
  @Matches(RUN_ID_PATTERN) downloadId!: string;
  /** Who reads: a run's id and epoch. */
  @IsString() @IsNotEmpty() @MaxLength(100) holder!: string;
  /** Milliseconds to wait for the first bytes. */
  @IsInt() @Min(0) @Max(10_000) waitMs!: number;
  /** The cache node that takes the bytes, where known. */
  @IsOptional() @Matches(NAME_PATTERN) nodeId?: string;
}

export interface FollowDownloadAnswer {
  /** The attempt that the address is bound to: 410 as soon as it has broken off, or another one has begun. */
  readonly attempt: number;
  /** The cache node that takes the bytes. */
  readonly nodeId: string;
  /** GET the whole file here, once it has come and until then as it comes. */
  readonly getUrl: string;
  /** As the cached file will be named. */
  readonly filename: string;
  readonly kind: MediaKind;
  readonly sizeBytes: number;
  /** What the beginning of the file tells; nothing of it is verified. */
  readonly mimeType?: string;
  readonly width?: number;
  readonly height?: number;
  readonly durationSeconds?: number;
}

export class AcquireLeaseRequest extends AssetRequest {
  /** Who reads: a run's id and epoch, or a gateway's request id. */
  @IsString() @IsNotEmpty() @MaxLength(100) holder!: string;
  @IsInt() @Min(1_000) @Max(60_000) ttlMs!: number;
  /** Milliseconds to wait for a file that is being written. Default 0. */
  @IsOptional() @IsInt() @Min(0) @Max(10_000) waitMs?: number;
  /** The cache node that takes the bytes, where known. */
  @IsOptional() @Matches(NAME_PATTERN) nodeId?: string;
}

export interface AcquireLeaseAnswer {
  readonly leaseId: string;
  readonly expiresAt: string;
  readonly file: CachedFile;
  /** GET or HEAD the bytes here, with Range. */
  readonly getUrl: string;
}

export class LeaseRequest extends OwnedRequest {
  @IsString() @IsNotEmpty() @MaxLength(150) leaseId!: string;
  @IsOptional() @IsInt() @Min(1_000) @Max(60_000) ttlMs?: number;
}

/** There was no room to bring the bytes in before their origin ends. */
export class SkipCaptureRequest extends AssetCommandRequest {
  @IsString() @IsNotEmpty() @MaxLength(100) reason!: string;
  /** The known or assumed end. */
  @Matches(INSTANT_PATTERN, { message: INSTANT_MESSAGE }) originEndsAt!: string;
}

export interface PinAnswer {
  readonly token: Token;
}

/** Allocated bytes of cached files by what keeps them from being evicted; `evictable`: nothing that is known. */
export type HeldBytes = Readonly<Record<'leased' | 'pinned' | 'last-copy' | 'evictable', number>>;

/** What one cache node holds. */
export interface CacheNodeUsage {
  readonly nodeId: string;
  readonly maxBytes: number;
  readonly usedBytes: number;
  readonly reservedBytes: number;
  readonly files: number;
  readonly leases: number;
  readonly heldBytes: HeldBytes;
  /** The same of the asker's files. */
  readonly yours: HeldBytes;
}

/** All cache nodes together; `nodeId` is the one that answered. */
export interface CacheUsage extends CacheNodeUsage {
  readonly nodes: readonly CacheNodeUsage[];
  /** Live nodes that did not say in time what they hold: nothing of them is counted. */
  readonly silentNodes: readonly string[];
}

/** Whether a cache node has an asset's file, whole: it has just looked. */
export interface ConfirmCopyAnswer {
  readonly holds: boolean;
}

/** What one cache node asks another, by the name of the call. */
export const CACHE_NODE_CALLS = ['open', 'follow', 'acquire', 'renew', 'release', 'pin', 'unpin', 'releaseLastCopy', 'skipCapture', 'usage', 'statistics', 'forecast', 'confirm'] as const;
export type CacheNodeCall = (typeof CACHE_NODE_CALLS)[number];

/** A request that another cache node was asked, and that is for this one. */
export class CacheNodeRequest {
  @IsIn(CACHE_NODE_CALLS) call!: CacheNodeCall;
  /** Validated by the class of the call. */
  @IsObject() request!: object;
  /** The sender is starting and does not know where files are: this node finds out. Otherwise it answers by itself. */
  @IsBoolean() handOn!: boolean;
}

export interface CacheNodeBeat {
  readonly nodeId: string;
  /** New at each start. */
  readonly instanceId: string;
  readonly state: 'starting' | 'ready' | 'leaving';
}

/** An attempt that was given a place. */
export interface PlaceGiven {
  readonly nodeId: string;
  readonly assetId: string;
  readonly downloadId: string;
  readonly epoch: number;
  readonly attempt: number;
}
