import { Controller, Get, Head, Param, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Asking, type Asked } from '../http/call';
import { AssetPath, CallQuery } from '../http/parameters';
import { Documented } from '../openapi/documented';
import { ContentStream } from './content-stream';

const ERRORS = { 404: ['NOT_CACHED', 'UNKNOWN_ASSET'], 416: ['RANGE_NOT_SATISFIABLE'], 502: ['CACHE_UNREADABLE'] };
const RANGE = { name: 'Range', required: false, description: '`bytes=first-last`; the answer is 206 then.' };

@ApiTags('assets')
@ApiBearerAuth()
@Controller('v1/assets/:assetId/content')
export class ContentController {
  constructor(private readonly content: ContentStream) {}

  @Head()
  @ApiHeader(RANGE)
  @Documented({ summary: "The length and type of the asset's bytes", answer: 'Content', errors: ERRORS })
  head(
    @Param() path: AssetPath,
    @Query() query: CallQuery,
    @Asking() asked: Asked,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.get(path, query, asked, request, reply);
  }

  @Get()
  @ApiHeader(RANGE)
  @Documented({ summary: "The asset's bytes, from the cache", answer: 'Content', also: { 206: 'The range asked for' }, errors: ERRORS })
  get(
    @Param() { assetId }: AssetPath,
    @Query() _: CallQuery,
    @Asking() asked: Asked,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.content.send(asked, assetId, request, reply);
  }
}
