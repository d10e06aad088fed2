import { MEDIA_KINDS, UUID_PATTERN, type MediaKind, type ReferenceForms, type Token } from '@ferry/kernel';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsNotEmpty,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { AssetCommandRequest, AssetRequest, CommandRequest, INSTANT_MESSAGE, INSTANT_PATTERN, MediaFactsDto, NAME_PATTERN, OwnedRequest, ReferenceFormsDto } from './common.dto';

export const CAPTURE_CHOICES = ['beforeExpiry', 'now', 'onDemand'] as const;
export type CaptureChoice = (typeof CAPTURE_CHOICES)[number];

export class OriginDto {
  @Matches(NAME_PATTERN) providerId!: string;
  /** Absent: the owner's default account at the provider. */
  @IsOptional() @Matches(NAME_PATTERN) accountId?: string;
  @IsObject() @ValidateNested() @Type(() => ReferenceFormsDto) forms!: ReferenceFormsDto;
  @IsOptional() @IsISO8601({ strict: true }) @Matches(INSTANT_PATTERN, { message: INSTANT_MESSAGE }) expiresAt?: string;
}

/** How a child was made from a parent. Times in seconds of the parent. */
export class ParentLinkDto {
  @Matches(UUID_PATTERN) parentAssetId!: string;
  @IsString() @IsNotEmpty() @MaxLength(50) relationType!: string;
  @IsString() @IsNotEmpty() @MaxLength(50) operationType!: string;
  @IsOptional() @IsInt() @Min(0) @Max(1000) sequenceOrder?: number;
  @IsOptional() @IsNumber() @Min(0) parentStartTime?: number;
  @IsOptional() @IsNumber() @Min(0) parentEndTime?: number;
  @IsOptional() @IsInt() @Min(0) parentFrame?: number;
  @IsOptional() @IsString() @MaxLength(50) influenceType?: string;
  @IsOptional() @IsNumber() @Min(0) @Max(1) influenceWeight?: number;
  @IsOptional() @IsString() @MaxLength(200) influenceRegion?: string;
  @IsOptional() @IsString() @MaxLength(200) jobId?: string;
  @IsOptional() @Matches(NAME_PATTERN) providerId?: string;
}

/** How the asset was generated. The prompt is personal and stands elsewhere. */
export class GenerationDto {
  @IsOptional() @IsString() @MaxLength(100) model?: string;
  @IsOptional() @IsString() @MaxLength(200) jobId?: string;
  @IsOptional() @IsInt() @Min(0) outputIndex?: number;
  @IsOptional() @IsString() @MaxLength(50) seed?: string;
}

export class PersonalDto {
  @IsOptional() @IsString() @MaxLength(255) filename?: string;
  @IsOptional() @IsString() @MaxLength(10_000) prompt?: string;
}

/** What a client sends to register an asset. */
export class RegisterAssetBody {
  @IsIn(MEDIA_KINDS) kind!: MediaKind;
  @IsObject() @ValidateNested() @Type(() => OriginDto) origin!: OriginDto;
  /** What the client knows of the content; checked against the bytes when they come. */
  @IsOptional() @IsObject() @ValidateNested() @Type(() => MediaFactsDto) declared?: MediaFactsDto;
  @IsOptional() @IsIn(CAPTURE_CHOICES) capture?: CaptureChoice;
  @IsOptional() @IsArray() @ArrayMaxSize(100) @ValidateNested({ each: true }) @Type(() => ParentLinkDto) parents?: ParentLinkDto[];
  @IsOptional() @IsObject() @ValidateNested() @Type(() => GenerationDto) generation?: GenerationDto;
  @IsOptional() @IsObject() @ValidateNested() @Type(() => PersonalDto) personal?: PersonalDto;
}

export class RegisterAssetRequest extends CommandRequest {
  /** The key has the admin scope: it may register origins on an account that several owners share. */
  @IsBoolean() admin!: boolean;
  @IsObject() @ValidateNested() @Type(() => RegisterAssetBody) asset!: RegisterAssetBody;
}

export interface RegisterAssetAnswer {
  readonly assetId: string;
  /** False where the asset was known already. */
  readonly created: boolean;
  readonly token: Token;
}

/** An origin whose forms are not what they were is not meant. */
export class SeenOriginDto {
  @IsObject() @ValidateNested() @Type(() => ReferenceFormsDto) forms!: ReferenceFormsDto;
  @IsOptional() @IsISO8601({ strict: true }) expiresAt?: string;
}

/** The origin's provider was asked, and says that the asset is gone there. */
export class LoseOriginRequest extends AssetCommandRequest {
  @IsObject() @ValidateNested() @Type(() => SeenOriginDto) seen!: SeenOriginDto;
  @IsString() @IsNotEmpty() @MaxLength(200) reason!: string;
  /** In the words of who reported it: personal. */
  @IsOptional() @IsString() @IsNotEmpty() @MaxLength(200) reported?: string;
}

export interface LoseOriginAnswer {
  /** The origin is lost: by this command, or before. */
  readonly lost: boolean;
  readonly token: Token;
}

export class ListAssetsRequest extends OwnedRequest {
  @IsInt() @Min(1) @Max(200) limit!: number;
  /** The `nextCursor` of the page before. */
  @IsOptional() @IsString() @MaxLength(200) cursor?: string;
}

export class HistoryRequest extends AssetRequest {
  /** ISO date: the events up to then. */
  @IsOptional() @IsISO8601({ strict: true }) @Matches(INSTANT_PATTERN, { message: INSTANT_MESSAGE }) at?: string;
}

export interface ProviderUrl {
  readonly referenceId: string;
  readonly providerId: string;
  readonly accountId: string;
  readonly variant: string;
  readonly forms: ReferenceForms;
  readonly expiresAt?: string;
}

/** An asset as clients see it: the ADR's fields, and the facts. */
export interface AssetView {
  readonly assetId: string;
  readonly owner: string;
  readonly status: 'registered' | 'verified' | 'origin-lost' | 'deleted';
  readonly kind: MediaKind;
  readonly origin: { readonly providerId: string; readonly accountId: string; readonly forms: ReferenceForms; readonly expiresAt?: string };
  readonly capture: CaptureChoice;
  readonly content?: {
    readonly sha256: string;
    readonly sizeBytes: number;
    readonly mimeType: string;
    readonly width?: number;
    readonly height?: number;
    readonly durationSeconds?: number;
  };
  readonly providerUrls: readonly ProviderUrl[];
  readonly localPath?: string;
  readonly lastAccessedAt?: string;
  readonly filename?: string;
  readonly registeredAt: string;
}

export interface AssetPage {
  readonly items: readonly AssetView[];
  readonly nextCursor?: string;
}

/** One event of an asset's life, from any of its streams, in the order of the log. */
export interface HistoryEntry {
  readonly at: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: string;
  readonly type: string;
  /** The event's data; links and personal data are left out. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly actor: string;
  readonly correlationId: string;
}

export interface HistoryAnswer {
  readonly assetId: string;
  readonly events: readonly HistoryEntry[];
}
