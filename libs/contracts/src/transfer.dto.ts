import { ASSET_USES, REFERENCE_ID_PATTERN, RUN_ID_PATTERN, type AssetUse, type Token } from '@ferry/kernel';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsNotEmpty, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min, ValidateNested } from 'class-validator';
import { AssetCommandRequest, AssetRequest, CommandRequest, NAME_PATTERN, OwnedRequest, ReferenceFormsDto, SHA256_PATTERN } from './common.dto';
import type { ProviderUrl } from './catalog.dto';
import type { JobProgress, ReferenceLife } from './provider.dto';

/** getAssetForProvider. */
export class ResolveRequest extends AssetCommandRequest {
  @Matches(NAME_PATTERN) providerId!: string;
  @IsOptional() @Matches(NAME_PATTERN) accountId?: string;
  @IsOptional() @IsIn(ASSET_USES) use?: AssetUse;
  /** The reference must live at least this many seconds more. Default: the provider's margin. */
  @IsOptional() @IsInt() @Min(0) @Max(30 * 86_400) minRemainingTtl?: number;
  /** The run that an earlier answer named as pending: the answer is its outcome, and no new run begins. */
  @IsOptional() @Matches(RUN_ID_PATTERN) awaiting?: string;
}

export type ResolveAnswer =
  | { readonly status: 'ready'; readonly routeId: string; readonly reference: ProviderUrl; readonly source: 'native' | 'cached'; readonly token?: Token }
  | {
      readonly status: 'pending';
      readonly routeId: string;
      readonly transferId: string;
      readonly token: Token;
      /** ISO date before which there is no news: calls at the provider are paused until then. */
      readonly retryAfter?: string;
    };

export const WARM_REASONS = ['warm', 'capture'] as const;

/** Brings an asset's bytes into the cache before anybody asks for them. */
export class WarmRequest extends AssetCommandRequest {
  /** `capture`: because the origin will end; near that end it is as urgent as a resolve. */
  @IsIn(WARM_REASONS) reason!: (typeof WARM_REASONS)[number];
}

export interface WarmAnswer {
  /** The run that was requested, or the open one that serves as well. */
  readonly downloadId: string;
  readonly token: Token;
}

export class PlanRequest extends AssetRequest {
  @Matches(NAME_PATTERN) providerId!: string;
  @IsOptional() @Matches(NAME_PATTERN) accountId?: string;
  @IsOptional() @IsIn(ASSET_USES) use?: AssetUse;
  @IsOptional() @IsInt() @Min(0) @Max(30 * 86_400) minRemainingTtl?: number;
}

/** One step of a transfer that would begin. `sizeBytes`: as far as known. */
export type PlanStep =
  /** The bytes are in the cache already. */
  | { readonly step: 'read-cached-file'; readonly nodeId: string; readonly sizeBytes: number }
  /** `joins`: a download of the asset that is under way. */
  | { readonly step: 'download'; readonly providerId: string; readonly accountId: string; readonly sizeBytes?: number; readonly joins?: string }
  | {
      readonly step: 'upload';
      readonly providerId: string;
      readonly accountId: string;
      readonly variant: string;
      readonly sizeBytes?: number;
      /** Whether the upload can run while the download does, and why or why not. */
      readonly cutThrough: { readonly possible: boolean; readonly because: string };
    };

/** What a resolve would do now, and why. It is no promise: the next moment may be another. */
export type ResolvePlan = {
  readonly accountId: string;
  /** Absent, as the route, where nothing at the provider takes the asset. */
  readonly variant?: string;
  readonly routeId?: string;
  readonly because: string;
} & (
  | { readonly action: 'answer'; readonly source: 'native' | 'cached'; readonly reference: ProviderUrl }
  | { readonly action: 'join'; readonly transferId: string }
  | {
      readonly action: 'transfer';
      readonly steps: readonly PlanStep[];
      /** ISO date until which the new reference would live, where the provider's references are known or assumed to end. */
      readonly assumedExpiry?: string;
      /** Facts of the content that the target's limits need and nobody knows yet: they are looked at before a byte goes there. */
      readonly unknownFacts: readonly string[];
    }
  /** `until`: ISO date from which a resolve would try again. */
  | { readonly action: 'refuse'; readonly error: { readonly code: string; readonly message: string; readonly details?: object }; readonly until?: string }
);

export class InvalidateReferenceRequest extends AssetCommandRequest {
  @Matches(NAME_PATTERN) providerId!: string;
  @IsOptional() @Matches(NAME_PATTERN) accountId?: string;
  @IsOptional() @IsIn(ASSET_USES) use?: AssetUse;
  /** The reference that the provider refused; a newer one is not touched. An asset's own, which is its id, is given up where its provider says that it is gone. */
  @Matches(REFERENCE_ID_PATTERN) referenceId!: string;
  @IsString() @IsNotEmpty() @MaxLength(200) reason!: string;
}

/** Asks the provider whether the route's reference still lives. */
export class CheckReferenceRequest extends AssetCommandRequest {
  @Matches(NAME_PATTERN) providerId!: string;
  @IsOptional() @Matches(NAME_PATTERN) accountId?: string;
  @IsOptional() @IsIn(ASSET_USES) use?: AssetUse;
  /** Only if this is the route's reference still. */
  @IsOptional() @IsString() @IsNotEmpty() @MaxLength(100) referenceId?: string;
}

export interface CheckReferenceAnswer {
  readonly referenceId: string;
  readonly state: ReferenceLife;
  /** Why it is unknown. */
  readonly reason?: string;
  /** It was given up, as it is gone: the next resolve makes a new one. */
  readonly invalidated: boolean;
  /** Of the invalidation. */
  readonly token?: Token;
}

export class TransferRequest extends OwnedRequest {
  @Matches(RUN_ID_PATTERN) transferId!: string;
}

export class TransferCommandRequest extends CommandRequest {
  @Matches(RUN_ID_PATTERN) transferId!: string;
}

export class ListTransfersRequest extends AssetRequest {
  @IsInt() @Min(1) @Max(200) limit!: number;
}

/** Where a run that somebody works on stands: `transfers.progress.{transferId}`, `downloads.progress.{downloadId}`. */
export interface RunProgress extends Partial<Pick<JobProgress, 'bytes' | 'totalBytes' | 'bytesPerSecond' | 'etaSeconds'>> {
  readonly runId: string;
  /** `preparing`: no bytes move; it looks for them, or waits for its turn. The figures are those of this step. */
  readonly step: 'preparing' | 'downloading' | 'uploading';
  /** Of the run; 0 before the first. */
  readonly attempt: number;
  /** ISO date. */
  readonly at: string;
}

export interface TransferView {
  readonly transferId: string;
  readonly routeId: string;
  readonly assetId: string;
  readonly providerId: string;
  readonly accountId: string;
  readonly variant: string;
  readonly status: 'requested' | 'claimed' | 'uploading' | 'released' | 'accepted' | 'waiting' | 'completed' | 'failed' | 'cancelled';
  readonly attempt: number;
  readonly reference?: ProviderUrl;
  /** While it is worked on. */
  readonly progress?: RunProgress;
  readonly error?: { readonly kind: string; readonly message?: string; readonly retryAfter?: string };
}

/** Asked by the adapter before it commits an upload at the vendor. */
export class ReleaseRequest {
  @Matches(RUN_ID_PATTERN) transferId!: string;
  @IsInt() @Min(1) attempt!: number;
  @IsString() @IsNotEmpty() @MaxLength(100) jobId!: string;
  @IsInt() @Min(0) sizeBytes!: number;
  @Matches(SHA256_PATTERN) sha256!: string;
}

export interface ReleaseAnswer {
  readonly released: true;
}

/** Told by the adapter where the vendor still processes a released upload that it has. */
export class AcceptedRequest {
  @Matches(RUN_ID_PATTERN) transferId!: string;
  @IsInt() @Min(1) attempt!: number;
  /** What to await. */
  @IsObject() @ValidateNested() @Type(() => ReferenceFormsDto) forms!: ReferenceFormsDto;
}

export interface AcceptedAnswer {
  readonly noted: true;
}

export class HoldsRequest {
  @Matches(RUN_ID_PATTERN) runId!: string;
  @IsInt() @Min(1) epoch!: number;
}

export interface HoldsAnswer {
  readonly holds: boolean;
}

/** `routes.{routeId}.ended`. */
export interface RouteEnded {
  readonly routeId: string;
  readonly transferId: string;
  readonly outcome: 'completed' | 'failed' | 'cancelled';
  readonly token: Token;
}
