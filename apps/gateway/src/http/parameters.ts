import { NAME_PATTERN } from '@ferry/contracts';
import { RUN_ID_PATTERN, UUID_PATTERN } from '@ferry/kernel';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';

export class AssetPath {
  @Matches(UUID_PATTERN, { message: 'must be an asset id: a UUID in lower case' }) assetId!: string;
}

export class AssetProviderPath extends AssetPath {
  @Matches(NAME_PATTERN) providerId!: string;
}

export class ProviderPath {
  @Matches(NAME_PATTERN) providerId!: string;
}

export class TransferPath {
  @Matches(RUN_ID_PATTERN, { message: 'must be a transfer id: a UUID, a hyphen and the run' }) transferId!: string;
}

export class WarmingPath {
  @Matches(UUID_PATTERN, { message: 'must be a warming id: a UUID in lower case' }) warmingId!: string;
}

/** Every query string: unknown fields are refused. */
export class CallQuery {
  /** A Ferry-Token: the answer reflects at least that. */
  @IsOptional() @IsString() @MaxLength(1_000) atLeast?: string;
}

export class LimitQuery extends CallQuery {
  @Type(() => Number) @IsInt() @Min(1) @Max(200) limit: number = 50;
}
