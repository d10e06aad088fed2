import { RegisterAssetBody, SUBJECTS, type AssetPage, type AssetView, type HistoryAnswer, type RegisterAssetAnswer } from '@ferry/contracts';
import { Body, Controller, Delete, Get, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from '../auth/authenticate';
import { answer } from '../http/answer';
import { Asking, Commanding, type Asked, type Commanded } from '../http/call';
import { AssetPath, CallQuery } from '../http/parameters';
import { Documented } from '../openapi/documented';
import { Services } from '../services';
import { HistoryQuery, ListQuery } from './assets.parameters';

@ApiTags('assets')
@ApiBearerAuth()
@Controller('v1/assets')
export class AssetsController {
  constructor(private readonly services: Services) {}

  @Post()
  @Documented({
    summary: 'Register an asset by its origin',
    answer: 'Registered',
    status: 201,
    also: { 200: 'Known already; new forms of the origin are added' },
    errors: {
      400: ['ORIGIN_FORMS_REQUIRED', 'INVALID_URL', 'UNKNOWN_ID_TYPE', 'ACCOUNT_REQUIRED'],
      403: ['SHARED_ACCOUNT_ADMIN_ONLY'],
      404: ['UNKNOWN_PROVIDER', 'UNKNOWN_ACCOUNT', 'UNKNOWN_PARENT'],
      409: ['ASSET_KIND_DIFFERS', 'PARENTS_DIFFER', 'TOO_MANY_LIVES'],
      413: ['BODY_TOO_LARGE'],
      415: ['UNSUPPORTED'],
      422: ['SELF_LINK'],
      501: ['UNSUPPORTED'],
      503: ['PROVIDER_UNAVAILABLE'],
    },
    command: true,
  })
  async register(
    @Body() asset: RegisterAssetBody,
    @Query() _: CallQuery,
    @Commanding() commanded: Commanded,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { admin } = callerOf(request);
    const registered = await this.services.ask<RegisterAssetAnswer>(SUBJECTS.catalog.register, { ...commanded, admin, asset });
    await answer(reply, { status: registered.created ? 201 : 200, body: registered, location: `/v1/assets/${registered.assetId}` });
  }

  @Get()
  @Documented({ summary: 'The assets of the owner, a page at a time', answer: 'AssetPage', errors: { 400: ['INVALID_CURSOR'] } })
  list(@Query() { limit, cursor }: ListQuery, @Asking() asked: Asked): Promise<AssetPage> {
    return this.services.ask(SUBJECTS.catalog.list, { ...asked, limit, ...(cursor === undefined ? {} : { cursor }) });
  }

  @Get(':assetId')
  @Documented({ summary: 'One asset with its provider URLs', answer: 'Asset', errors: { 404: ['UNKNOWN_ASSET'] } })
  get(@Param() { assetId }: AssetPath, @Query() _: CallQuery, @Asking() asked: Asked): Promise<AssetView> {
    return this.services.ask(SUBJECTS.catalog.get, { ...asked, assetId });
  }

  @Delete(':assetId')
  @Documented({ summary: 'Delete an asset', answer: 'Done', errors: { 404: ['UNKNOWN_ASSET'] }, command: true })
  async remove(
    @Param() { assetId }: AssetPath,
    @Query() _: CallQuery,
    @Commanding() commanded: Commanded,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await answer(reply, { status: 200, body: await this.services.ask(SUBJECTS.catalog.remove, { ...commanded, assetId }) });
  }

  @Get(':assetId/history')
  @Documented({ summary: "The events of an asset's life, up to `at` where given", answer: 'History', errors: { 404: ['UNKNOWN_ASSET'] } })
  history(@Param() { assetId }: AssetPath, @Query() { at }: HistoryQuery, @Asking() asked: Asked): Promise<HistoryAnswer> {
    return this.services.ask(SUBJECTS.catalog.history, { ...asked, assetId, ...(at === undefined ? {} : { at }) });
  }
}
