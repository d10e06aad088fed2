import { ASSET_USES, MEDIA_KINDS, UUID_PATTERN, type AssetUse, type MediaKind } from '@ferry/kernel';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsNotEmpty, IsNumber, IsObject, IsOptional, IsPositive, IsString, IsUrl, Matches, MaxLength, Min, ValidateNested } from 'class-validator';

/** Owners, accounts and providers: they stand in subjects, stream names and paths, so no dots, spaces or slashes. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
export const SHA256_PATTERN = /^[0-9a-f]{64}$/;
/** A position in the event log: 20 decimal digits. */
export const POSITION_PATTERN = /^[0-9]{20}$/;

/** A point in time: date, time and zone. Other ISO 8601 forms (a week, a date alone) are no points or no JavaScript dates. */
export const INSTANT_PATTERN = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;
/** The ISO date rule beside it knows how many days a month has. */
export const INSTANT_MESSAGE = '$property must be a date with time and zone, such as 2026-01-31T12:00:00Z';
/** http or https; development hosts need no top-level domain. The rule's own limit, 2083 characters, is below a signed link's length. */
export const LINK = { protocols: ['http', 'https'], require_protocol: true, require_tld: false, validate_length: false };

export class TokenDto {
  @IsString() @MaxLength(200) stream!: string;
  @IsInt() @Min(-1) revision!: number;
  @Matches(POSITION_PATTERN) position!: string;
}

/** On every request: whose it is, and who asks. */
export class OwnedRequest {
  @Matches(NAME_PATTERN) owner!: string;
  /** An API key's name, or `service:{name}`. */
  @IsString() @IsNotEmpty() @MaxLength(100) actor!: string;
  /** Read your own writes: the answer reflects at least this. */
  @IsOptional() @IsObject() @ValidateNested() @Type(() => TokenDto) atLeast?: TokenDto;
}

/** On every command: the client's name for it; a repeat of the same changes nothing more. */
export class CommandRequest extends OwnedRequest {
  @IsString() @IsNotEmpty() @MaxLength(100) commandId!: string;
}

export class AssetRequest extends OwnedRequest {
  @Matches(UUID_PATTERN) assetId!: string;
}

export class AssetCommandRequest extends CommandRequest {
  @Matches(UUID_PATTERN) assetId!: string;
}

export class ReferenceFormsDto {
  @IsOptional() @IsString() @IsNotEmpty() @MaxLength(500) id?: string;
  @IsOptional() @Matches(NAME_PATTERN) idType?: string;
  @IsOptional() @IsUrl(LINK) @MaxLength(4000) url?: string;
  @IsOptional() @IsString() @IsNotEmpty() @MaxLength(2000) uri?: string;
  @IsOptional() @IsString() @MaxLength(4000) inline?: string;
}

/** Facts of the content: bytes, pixels, seconds. */
export class MediaFactsDto {
  @IsOptional() @IsIn(MEDIA_KINDS) kind?: MediaKind;
  @IsOptional() @Matches(/^(video|image|audio)\/[a-z0-9.+-]{1,100}$/) mimeType?: string;
  @IsOptional() @IsInt() @Min(1) sizeBytes?: number;
  @IsOptional() @IsInt() @IsPositive() width?: number;
  @IsOptional() @IsInt() @IsPositive() height?: number;
  @IsOptional() @IsNumber() @Min(0) durationSeconds?: number;
}

export class RebuildRequest extends OwnedRequest {}

export { ASSET_USES, MEDIA_KINDS };
export type { AssetUse, MediaKind };
