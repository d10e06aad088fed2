import { SUBJECTS, type CacheUsage, type PinAnswer } from '@ferry/contracts';
import { Controller, Delete, Get, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { answer } from '../http/answer';
import { Asking, Commanding, type Asked, type Commanded } from '../http/call';
import { AssetPath, CallQuery } from '../http/parameters';
import { Documented } from '../openapi/documented';
import { Services } from '../services';

@ApiTags('cache')
@ApiBearerAuth()
@Controller('v1/cache')
export class CacheController {
  constructor(private readonly services: Services) {}

  @Get('usage')
  @Documented({ summary: "The cache's budget and what it holds", answer: 'CacheUsage' })
  usage(@Query() _: CallQuery, @Asking() asked: Asked): Promise<CacheUsage> {
    return this.services.ask(SUBJECTS.cache.usage, asked);
  }

  @Put(':assetId/pin')
  @Documented({
    summary: 'Keep the cached file, whatever needs room',
    answer: 'Done',
    errors: { 404: ['NOT_CACHED'], 503: ['CACHE_NOT_READY'], 507: ['UNEVICTABLE_LIMIT'] },
    command: true,
  })
  pin(@Param() path: AssetPath, @Query() _: CallQuery, @Commanding() commanded: Commanded, @Res() reply: FastifyReply): Promise<void> {
    return this.decide(SUBJECTS.cache.pin, path, commanded, reply);
  }

  @Delete(':assetId/pin')
  @Documented({ summary: 'Let the cached file be evicted again', answer: 'Done', errors: { 404: ['NOT_CACHED'], 503: ['CACHE_NOT_READY'] }, command: true })
  unpin(@Param() path: AssetPath, @Query() _: CallQuery, @Commanding() commanded: Commanded, @Res() reply: FastifyReply): Promise<void> {
    return this.decide(SUBJECTS.cache.unpin, path, commanded, reply);
  }

  @Post(':assetId/release')
  @Documented({
    summary: 'Accept that the cached file is lost when room is needed, although no other copy is known to live',
    answer: 'Done',
    errors: { 404: ['NOT_CACHED'], 503: ['CACHE_NOT_READY'] },
    command: true,
  })
  release(@Param() path: AssetPath, @Query() _: CallQuery, @Commanding() commanded: Commanded, @Res() reply: FastifyReply): Promise<void> {
    return this.decide(SUBJECTS.cache.releaseLastCopy, path, commanded, reply);
  }

  private async decide(subject: string, { assetId }: AssetPath, commanded: Commanded, reply: FastifyReply): Promise<void> {
    await answer(reply, { status: 200, body: await this.services.ask<PinAnswer>(subject, { ...commanded, assetId }) });
  }
}
