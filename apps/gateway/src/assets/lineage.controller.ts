import { ParentLinkDto, SUBJECTS, type AssetView, type LineageCommandAnswer, type LineageEdge, type LineageGraph, type ProviderUrl } from '@ferry/contracts';
import { Body, Controller, Delete, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { answer } from '../http/answer';
import { Asking, Commanding, type Asked, type Commanded } from '../http/call';
import { AssetPath, CallQuery } from '../http/parameters';
import { Documented } from '../openapi/documented';
import { Services } from '../services';
import { LineageQuery, UnlinkQuery } from './assets.parameters';

export interface AssetUses {
  readonly assetId: string;
  /** Assets that were made from it. */
  readonly children: readonly LineageEdge[];
  /** Where providers know it. */
  readonly providerUrls: readonly ProviderUrl[];
}

@ApiTags('lineage')
@ApiBearerAuth()
@Controller('v1/assets/:assetId')
export class LineageController {
  constructor(private readonly services: Services) {}

  @Get('lineage')
  @Documented({ summary: 'Ancestors, descendants or both, to a depth', answer: 'Lineage', errors: { 404: ['UNKNOWN_ASSET'], 422: ['GRAPH_TOO_LARGE'] } })
  lineage(@Param() { assetId }: AssetPath, @Query() { direction, depth }: LineageQuery, @Asking() asked: Asked): Promise<LineageGraph> {
    return this.services.ask(SUBJECTS.lineage.graph, { ...asked, assetId, direction, depth });
  }

  @Get('uses')
  @Documented({ summary: 'Where the asset was used: its children and its references', answer: 'Uses', errors: { 404: ['UNKNOWN_ASSET'], 422: ['GRAPH_TOO_LARGE'] } })
  async uses(@Param() { assetId }: AssetPath, @Query() _: CallQuery, @Asking() asked: Asked): Promise<AssetUses> {
    const [{ providerUrls }, { edges }] = await Promise.all([
      this.services.ask<AssetView>(SUBJECTS.catalog.get, { ...asked, assetId }),
      this.services.ask<LineageGraph>(SUBJECTS.lineage.graph, { ...asked, assetId, direction: 'descendants', depth: 1 }),
    ]);
    return { assetId, children: edges, providerUrls };
  }

  @Post('parents')
  @Documented({
    summary: 'Link a parent',
    answer: 'Done',
    errors: { 404: ['UNKNOWN_ASSET'], 409: ['LINK_DIFFERS', 'LINEAGE_CYCLE'], 422: ['SELF_LINK'] },
    command: true,
  })
  async link(
    @Param() { assetId }: AssetPath,
    @Query() _: CallQuery,
    @Body() parent: ParentLinkDto,
    @Commanding() commanded: Commanded,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const body = await this.services.ask<LineageCommandAnswer>(SUBJECTS.lineage.link, { ...commanded, assetId, parent });
    await answer(reply, { status: 200, body });
  }

  @Delete('parents')
  @Documented({ summary: 'Unlink a parent, named in the query', answer: 'Done', errors: { 404: ['UNKNOWN_ASSET'] }, command: true })
  async unlink(
    @Param() { assetId }: AssetPath,
    @Query() { parentAssetId, relationType }: UnlinkQuery,
    @Commanding() commanded: Commanded,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const request = { ...commanded, assetId, parentAssetId, relationType };
    await answer(reply, { status: 200, body: await this.services.ask<LineageCommandAnswer>(SUBJECTS.lineage.unlink, request) });
  }
}
