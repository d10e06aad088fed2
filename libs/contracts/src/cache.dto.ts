import { RUN_ID_PATTERN, type MediaKind, MEDIA_KINDS, type Token } from '@ferry/kernel';
import { IsIn, IsInt, IsNotEmpty, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { AssetCommandRequest, AssetRequest, INSTANT_MESSAGE, INSTANT_PATTERN, OwnedRequest, SHA256_PATTERN } from './common.dto';

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
}

export interface FollowDownloadAnswer {
  /** The attempt that the address is bound to: 410 as soon as it has broken off, or another one has begun. */
  readonly attempt: number;
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
}

export interface AcquireLeaseAnswer {
  readonly leaseId: string;
  readonly expiresAt: string;
  readonly file: CachedFile;
  /** GET or HEAD the bytes here, with Range. */
  readonly getUrl: string;
}

export class LeaseRequest extends OwnedRequest {
  @IsString() @IsNotEmpty() @MaxLength(100) leaseId!: string;
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

export interface CacheUsage {
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
