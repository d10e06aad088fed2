import { UUID_PATTERN, type Token } from '@ferry/kernel';
import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsInt, IsObject, IsOptional, Matches, Max, Min, ValidateNested } from 'class-validator';
import { CommandRequest, OwnedRequest } from './common.dto';

/** Which assets: exactly one of the three. */
export class WarmingBody {
  @IsOptional() @IsArray() @ArrayMinSize(1) @ArrayMaxSize(1_000) @Matches(UUID_PATTERN, { each: true }) assetIds?: string[];
  /** All that this asset was made from, over all steps. */
  @IsOptional() @Matches(UUID_PATTERN) inputsOf?: string;
  /** So many of the owner's assets, the most used first. */
  @IsOptional() @IsInt() @Min(1) @Max(10_000) mostUsed?: number;
}

export class RequestWarmingRequest extends CommandRequest {
  @IsObject() @ValidateNested() @Type(() => WarmingBody) wish!: WarmingBody;
}

export class WarmingRequest extends OwnedRequest {
  @Matches(UUID_PATTERN) warmingId!: string;
}

export class WarmingCommandRequest extends CommandRequest {
  @Matches(UUID_PATTERN) warmingId!: string;
}

export class ListWarmingsRequest extends OwnedRequest {
  @IsInt() @Min(1) @Max(200) limit!: number;
}

export type WarmingRuleView =
  | { readonly by: 'list' }
  | { readonly by: 'inputs-of'; readonly assetId: string }
  | { readonly by: 'most-used'; readonly count: number };

export interface WarmingSummary {
  readonly warmingId: string;
  readonly rule: WarmingRuleView;
  readonly status: 'running' | 'completed' | 'cancelled';
  readonly requestedAt: string;
  /** Assets. */
  readonly total: number;
  readonly downloaded: number;
  /** That were in the cache already. */
  readonly cached: number;
  readonly failed: number;
  /** That were downloaded. */
  readonly bytes: number;
}

export interface WarmingView extends WarmingSummary {
  /** The failed ones, at most 1,000 of them, with why. */
  readonly failures: readonly { readonly assetId: string; readonly kind: string }[];
}

export interface WarmingCommandAnswer {
  readonly warmingId: string;
  readonly status: WarmingSummary['status'];
  readonly total: number;
  readonly token: Token;
}

export interface WarmingsAnswer {
  /** The newest first. */
  readonly items: readonly WarmingSummary[];
}
