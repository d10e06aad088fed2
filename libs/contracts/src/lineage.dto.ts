import { UUID_PATTERN, type Token } from '@ferry/kernel';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsObject, IsString, IsNotEmpty, Matches, Max, MaxLength, Min, ValidateNested } from 'class-validator';
import { AssetCommandRequest, AssetRequest } from './common.dto';
import { ParentLinkDto } from './catalog.dto';

export class LinkParentRequest extends AssetCommandRequest {
  @IsObject() @ValidateNested() @Type(() => ParentLinkDto) parent!: ParentLinkDto;
}

export class UnlinkParentRequest extends AssetCommandRequest {
  @Matches(UUID_PATTERN) parentAssetId!: string;
  @IsString() @IsNotEmpty() @MaxLength(50) relationType!: string;
}

export interface LineageCommandAnswer {
  readonly token: Token;
}

export const LINEAGE_DIRECTIONS = ['ancestors', 'descendants', 'both'] as const;
export type LineageDirection = (typeof LINEAGE_DIRECTIONS)[number];

export class LineageGraphRequest extends AssetRequest {
  @IsIn(LINEAGE_DIRECTIONS) direction!: LineageDirection;
  @IsInt() @Min(1) @Max(50) depth!: number;
}

export interface LineageEdge extends Omit<ParentLinkDto, 'sequenceOrder'> {
  readonly childAssetId: string;
  readonly sequenceOrder: number;
}

export interface LineageGraph {
  readonly assetId: string;
  readonly edges: readonly LineageEdge[];
}
