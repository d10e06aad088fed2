import { SUBJECTS, WarmingBody, type WarmingCommandAnswer, type WarmingsAnswer, type WarmingView } from '@ferry/contracts';
import { Body, Controller, Delete, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { answer } from '../http/answer';
import { Asking, Commanding, type Asked, type Commanded } from '../http/call';
import { CallQuery, LimitQuery, WarmingPath } from '../http/parameters';
import { Documented } from '../openapi/documented';
import { Services } from '../services';

@ApiTags('cache')
@ApiBearerAuth()
@Controller('v1/cache/warmings')
export class WarmingsController {
  constructor(private readonly services: Services) {}

  @Post()
  @Documented({
    summary: 'Bring assets into the cache before anybody asks for them: a list, all that an asset was made from, or the most used',
    answer: 'WarmingCommand',
    status: 202,
    errors: {
      404: ['UNKNOWN_ASSET', 'ASSET_DELETED'],
      409: ['WARMING_DIFFERS'],
      413: ['TOO_MANY_WARMED_ASSETS'],
      422: ['GRAPH_TOO_LARGE'],
      429: ['TOO_MANY_WARMINGS'],
      503: ['READ_MODELS_UNAVAILABLE'],
    },
    command: true,
  })
  async request(@Body() wish: WarmingBody, @Query() _: CallQuery, @Commanding() commanded: Commanded, @Res() reply: FastifyReply): Promise<void> {
    const body = await this.services.ask<WarmingCommandAnswer>(SUBJECTS.transfer.requestWarming, { ...commanded, wish });
    await answer(reply, { status: 202, body, location: `/v1/cache/warmings/${body.warmingId}` });
  }

  @Get()
  @Documented({ summary: 'Your warmings, the newest first', answer: 'WarmingList', errors: { 503: ['READ_MODELS_UNAVAILABLE'] } })
  list(@Query() { limit }: LimitQuery, @Asking() asked: Asked): Promise<WarmingsAnswer> {
    return this.services.ask(SUBJECTS.transfer.listWarmings, { ...asked, limit });
  }

  @Get(':warmingId')
  @Documented({ summary: 'One warming and how far it has come', answer: 'Warming', errors: { 404: ['UNKNOWN_WARMING'] } })
  get(@Param() { warmingId }: WarmingPath, @Query() _: CallQuery, @Asking() asked: Asked): Promise<WarmingView> {
    return this.services.ask(SUBJECTS.transfer.getWarming, { ...asked, warmingId });
  }

  @Delete(':warmingId')
  @Documented({ summary: 'Cancel a warming; downloads that others wait for go on', answer: 'WarmingCommand', errors: { 404: ['UNKNOWN_WARMING'] }, command: true })
  async cancel(@Param() { warmingId }: WarmingPath, @Query() _: CallQuery, @Commanding() commanded: Commanded, @Res() reply: FastifyReply): Promise<void> {
    await answer(reply, { status: 200, body: await this.services.ask<WarmingCommandAnswer>(SUBJECTS.transfer.cancelWarming, { ...commanded, warmingId }) });
  }
}
