import { NAME_PATTERN } from '@ferry/contracts';
import { ASSET_USES, REFERENCE_ID_PATTERN, type AssetUse } from '@ferry/kernel';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsNotEmpty, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { CallQuery } from '../http/parameters';

export class ResolveBody {
  /** What to do with the asset there. Default: the provider's for this kind. */
  @IsOptional() @IsIn(ASSET_USES) use?: AssetUse;
  /** Default: the origin's account at its own provider, else yours there. */
  @IsOptional() @Matches(NAME_PATTERN) accountId?: string;
  /** Seconds that the reference must live at least. Default: the provider's margin. */
  @IsOptional() @IsInt() @Min(0) @Max(30 * 86_400) minRemainingTtl?: number;
}

export class PlanQuery extends CallQuery {
  @IsOptional() @IsIn(ASSET_USES) use?: AssetUse;
  @IsOptional() @Matches(NAME_PATTERN) accountId?: string;
  @IsOptional() @Type(() => Number) @IsInt() @Min(0) @Max(30 * 86_400) minRemainingTtl?: number;
}

export class InvalidateBody {
  /** The reference that the provider refused; a newer one is not touched. An asset's own, which is its id, is given up where its provider says that it is gone. */
  @Matches(REFERENCE_ID_PATTERN) referenceId!: string;
  @IsString() @IsNotEmpty() @MaxLength(200) reason!: string;
  @IsOptional() @IsIn(ASSET_USES) use?: AssetUse;
  @IsOptional() @Matches(NAME_PATTERN) accountId?: string;
}

export class CheckBody {
  /** Only if this is the route's reference still. */
  @IsOptional() @IsString() @IsNotEmpty() @MaxLength(100) referenceId?: string;
  @IsOptional() @IsIn(ASSET_USES) use?: AssetUse;
  @IsOptional() @Matches(NAME_PATTERN) accountId?: string;
}
