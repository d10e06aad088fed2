import { INSTANT_MESSAGE, INSTANT_PATTERN, LINEAGE_DIRECTIONS, type LineageDirection } from '@ferry/contracts';
import { UUID_PATTERN } from '@ferry/kernel';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsISO8601, IsNotEmpty, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { CallQuery, LimitQuery } from '../http/parameters';

export class ListQuery extends LimitQuery {
  /** The `nextCursor` of the page before. */
  @IsOptional() @IsString() @MaxLength(200) cursor?: string;
}

export class HistoryQuery extends CallQuery {
  /** The events up to then. */
  @IsOptional() @IsISO8601({ strict: true }) @Matches(INSTANT_PATTERN, { message: INSTANT_MESSAGE }) at?: string;
}

export class LineageQuery extends CallQuery {
  @IsIn(LINEAGE_DIRECTIONS) direction: LineageDirection = 'both';
  @Type(() => Number) @IsInt() @Min(1) @Max(50) depth: number = 10;
}

export class UnlinkQuery extends CallQuery {
  @Matches(UUID_PATTERN) parentAssetId!: string;
  @IsString() @IsNotEmpty() @MaxLength(50) relationType!: string;
}
