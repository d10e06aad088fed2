import { MEDIA_KINDS, RUN_ID_PATTERN, type AssetUse, type MediaKind, type ReferenceForms } from '@ferry/kernel';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsIn, IsInt, IsISO8601, IsNotEmpty, IsNumber, IsObject, IsOptional, IsString, IsUrl, Matches, Max, MaxLength, Min, ValidateNested } from 'class-validator';
import { LINK, NAME_PATTERN, ReferenceFormsDto, SHA256_PATTERN } from './common.dto';
import type { CachedFile } from './cache.dto';

/** Characters of an address of the data plane: it signs a file's name, which is long in some scripts. */
const MAX_DATA_URL = 12_000;

/** Why a vendor call failed. It decides whether to try again and whether the breaker counts it, never the HTTP status. */
export const PROVIDER_ERROR_KINDS = [
  'auth',
  'quota',
  'throttled',
  'invalid-request',
  'rejected-by-policy',
  'too-large',
  'not-found',
  'unavailable',
  'timeout',
  'protocol',
] as const;
export type ProviderErrorKind = (typeof PROVIDER_ERROR_KINDS)[number];

export interface KindRules {
  /** The same call may succeed later. */
  readonly retryable: boolean;
  /** It says that the vendor is ill, not that the call was wrong. */
  readonly countsAgainstBreaker: boolean;
}

export const KIND_RULES: Readonly<Record<ProviderErrorKind, KindRules>> = {
  auth: { retryable: false, countsAgainstBreaker: false },
  quota: { retryable: false, countsAgainstBreaker: false },
  throttled: { retryable: true, countsAgainstBreaker: false },
  'invalid-request': { retryable: false, countsAgainstBreaker: false },
  'rejected-by-policy': { retryable: false, countsAgainstBreaker: false },
  'too-large': { retryable: false, countsAgainstBreaker: false },
  'not-found': { retryable: false, countsAgainstBreaker: false },
  unavailable: { retryable: true, countsAgainstBreaker: true },
  timeout: { retryable: true, countsAgainstBreaker: true },
  protocol: { retryable: true, countsAgainstBreaker: true },
};

/** Whether a job's failure is a fault of its provider, and not of Ferry's own parts or of the call. */
export const isProviderFault = ({ kind, ours }: Pick<JobFailure, 'kind' | 'ours'>): boolean =>
  !ours && (KIND_RULES as Readonly<Record<string, KindRules | undefined>>)[kind]?.countsAgainstBreaker === true;

export const OPERATIONS = ['upload', 'download'] as const;
/** What a job does at a provider. */
export type ProviderOperation = (typeof OPERATIONS)[number];

/** What a provider allows one account, for one operation. An absent limit is not known to exist. */
export interface RateLimits {
  /** Calls at the same time. */
  readonly concurrency?: number;
  readonly requestsPerSecond?: number;
  /** Taken at a call's start, as a debt: the next call waits until it is paid off. */
  readonly bytesPerSecond?: number;
}

/** What one variant takes. Bytes, pixels, seconds; inclusive. An absent limit is not known to exist. */
export interface VariantLimits {
  readonly mimeTypes: readonly string[];
  readonly maxBytes?: number;
  readonly maxWidth?: number;
  readonly maxHeight?: number;
  /** Only these sizes, as `1280x720`. */
  readonly sizes?: readonly string[];
  /** Only these, as `16:9`. */
  readonly aspectRatios?: readonly string[];
  readonly minDurationSeconds?: number;
  readonly maxDurationSeconds?: number;
}

export const VARIANT_ABILITIES = ['find', 'check', 'delete'] as const;
/**
 * What the vendor offers for uploads of a variant, besides taking them. `find`: by the marker in their name; `check`: whether a reference
 * still lives; `delete`.
 */
export type VariantAbility = (typeof VARIANT_ABILITIES)[number];

export interface VariantCapabilities {
  readonly variant: string;
  readonly kinds: readonly MediaKind[];
  /** Foreign uses that this variant serves, per kind; the first variant and use listed for a kind is its default. */
  readonly uses: readonly AssetUse[];
  readonly limits: Partial<Record<MediaKind, VariantLimits>>;
  readonly referenceIdType: string;
  /** Seconds that a reference is assumed to live where the vendor says nothing; absent: assumed not to end. */
  readonly assumedLifetimeSeconds?: number;
  /** Whether the vendor gives the very bytes back. */
  readonly returnsBytes: 'exact' | 'changed' | 'none';
  /** Absent: none. */
  readonly abilities?: readonly VariantAbility[];
}

/** What an adapter says of its vendor, as data. Answer of `providers.{id}.describe`. */
export interface ProviderCapabilities {
  readonly providerId: string;
  readonly displayName: string;
  readonly variants: readonly VariantCapabilities[];
  /** Per kind, what an asset that was born here can be used for by its own id, the default first. */
  readonly nativeUses: Partial<Record<MediaKind, readonly AssetUse[]>>;
  readonly originIdTypes: readonly string[];
  /** URL parameters that only sign a link, besides the common ones. */
  readonly signatureParameters: readonly string[];
  /** Seconds that an origin is assumed to live after registration; absent: not known to end. */
  readonly assumedOriginLifetimeSeconds?: number;
  /** Seconds of life that a reference must have left to be handed out by default. */
  readonly safetyMarginSeconds: number;
  /** Per account. */
  readonly rateLimits?: Partial<Record<ProviderOperation, RateLimits>>;
  /** The vendor ended the service: since when, and what that means. */
  readonly sunset?: { readonly date: string; readonly note: string };
}

export class AuthorizeAccountRequest {
  @Matches(NAME_PATTERN) owner!: string;
  /** Absent: the owner's default account. */
  @IsOptional() @Matches(NAME_PATTERN) accountId?: string;
}

/** The account is the owner's. Errors: ACCOUNT_REQUIRED, UNKNOWN_ACCOUNT. */
export interface AuthorizeAccountAnswer {
  readonly accountId: string;
  /** Several owners may use it: only an admin-scoped key may register origins there. */
  readonly shared: boolean;
}

/** A small call at a vendor with an account of the owner's. Errors: UNSUPPORTED, UNKNOWN_ACCOUNT, PROVIDER_CALL_FAILED, TOO_MANY_CALLS. */
class AccountCallRequest {
  @Matches(NAME_PATTERN) owner!: string;
  @Matches(NAME_PATTERN) accountId!: string;
}

/** Looks an upload up whose outcome is not known. */
export class FindUploadRequest extends AccountCallRequest {
  @Matches(NAME_PATTERN) variant!: string;
  /** `ferry-{transferId}`. */
  @IsString() @IsNotEmpty() @MaxLength(100) marker!: string;
  /** An upload of another length is not meant. */
  @IsOptional() @IsInt() @Min(1) sizeBytes?: number;
  /** Ids of uploads that are known: another one is meant. */
  @IsOptional() @IsArray() @ArrayMaxSize(1_000) @IsString({ each: true }) @MaxLength(500, { each: true }) besides?: string[];
}

/** Without `upload`: the vendor lists none at this moment. One that was sent just now may come to be listed yet. */
export interface FindUploadAnswer {
  readonly upload?: UploadResult;
}

export class ReferenceCallRequest extends AccountCallRequest {
  @IsObject() @ValidateNested() @Type(() => ReferenceFormsDto) forms!: ReferenceFormsDto;
}

export const REFERENCE_STATES = ['valid', 'gone', 'unknown'] as const;
export type ReferenceLife = (typeof REFERENCE_STATES)[number];

export interface ReferenceCheck {
  /** `gone`: the vendor says so. `unknown`: it says neither. */
  readonly state: ReferenceLife;
  /** Why it is unknown. */
  readonly reason?: string;
}

/** `deleted: false`: it was not there any more. */
export interface DeleteUploadAnswer {
  readonly deleted: boolean;
}

export class DownloadJobDto {
  @IsObject() @ValidateNested() @Type(() => ReferenceFormsDto) forms!: ReferenceFormsDto;
  @IsIn(MEDIA_KINDS) kind!: MediaKind;
  @IsUrl(LINK) @MaxLength(MAX_DATA_URL) putUrl!: string;
}

export class UploadJobDto {
  @Matches(NAME_PATTERN) variant!: string;
  @IsUrl(LINK) @MaxLength(MAX_DATA_URL) getUrl!: string;
  /** The name that the vendor sees: begins with the marker `ferry-{transferId}`. */
  @IsString() @IsNotEmpty() @MaxLength(255) filename!: string;
  @IsIn(MEDIA_KINDS) kind!: MediaKind;
  @IsString() @IsNotEmpty() @MaxLength(100) mimeType!: string;
  @IsInt() @Min(1) sizeBytes!: number;
  /** Absent: the file still comes; the release compares it. */
  @IsOptional() @Matches(SHA256_PATTERN) sha256?: string;
  @IsOptional() @IsInt() @Min(1) width?: number;
  @IsOptional() @IsInt() @Min(1) height?: number;
  @IsOptional() @IsNumber() @Min(0) durationSeconds?: number;
}

/** Starts a job that moves bytes. Exactly one of `download` and `upload`. Answered when the job is listening, before the vendor is called. */
export class StartJobRequest {
  @IsString() @IsNotEmpty() @MaxLength(100) jobId!: string;
  @Matches(NAME_PATTERN) owner!: string;
  @Matches(NAME_PATTERN) accountId!: string;
  /** The transferId or downloadId. */
  @Matches(RUN_ID_PATTERN) runId!: string;
  @IsInt() @Min(1) attempt!: number;
  @IsISO8601({ strict: true }) deadlineAt!: string;
  @IsOptional() @IsObject() @ValidateNested() @Type(() => DownloadJobDto) download?: DownloadJobDto;
  @IsOptional() @IsObject() @ValidateNested() @Type(() => UploadJobDto) upload?: UploadJobDto;
}

export class JobCommand {
  @IsIn(['join', 'cancel']) operation!: 'join' | 'cancel';
  /** Milliseconds to wait for the end before answering `running`. */
  @IsInt() @Min(0) @Max(10_000) waitMs!: number;
}

export interface JobFailure {
  /** A vendor's kind, or one of Ferry's own; `source-broken`: the bytes of an upload could not be read to their end. */
  readonly kind: ProviderErrorKind | 'content-changed' | 'cache-full' | 'cancelled' | 'not-released' | 'source-broken';
  readonly code?: string;
  /** Redacted: no links, keys or personal data. */
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  /** A fault of Ferry's data plane or adapter: it says nothing of the provider. */
  readonly ours?: true;
}

export interface UploadResult {
  readonly forms: ReferenceForms;
  readonly expiresAt?: string;
}

/** How far the bytes of a running job are. */
export interface JobProgress {
  readonly runId: string;
  readonly attempt: number;
  readonly bytes: number;
  /** Absent where it is not known. */
  readonly totalBytes?: number;
  /** Smoothed over about two seconds. */
  readonly bytesPerSecond: number;
  /** Seconds; absent where the total is not known, or nothing moves. */
  readonly etaSeconds?: number;
}

export type JobStatus = { readonly jobId: string; readonly bytes: number } & (
  | { readonly status: 'running' }
  | { readonly status: 'succeeded'; readonly upload: UploadResult; readonly download?: undefined }
  | { readonly status: 'succeeded'; readonly download: CachedFile; readonly upload?: undefined }
  | { readonly status: 'failed'; readonly error: JobFailure }
);
