import { SUBJECTS, type AssetView, type ProviderUrl } from '@ferry/contracts';
import { Body, Controller, Get, Headers, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { answer, goneSignal } from '../http/answer';
import { Asking, Commanding, type Asked, type Commanded } from '../http/call';
import { AssetPath, AssetProviderPath, CallQuery } from '../http/parameters';
import { waitMsOf } from '../http/prefer';
import { Documented } from '../openapi/documented';
import { Services } from '../services';
import { CheckBody, InvalidateBody, PlanQuery, ResolveBody } from './provider-urls.parameters';
import { ReferenceWaiter } from './reference-waiter';

const NOT_FOUND = ['UNKNOWN_ASSET', 'UNKNOWN_PROVIDER', 'UNKNOWN_ACCOUNT'];

@ApiTags('provider URLs')
@ApiBearerAuth()
@Controller('v1/assets/:assetId/provider-urls')
export class ProviderUrlsController {
  constructor(
    private readonly services: Services,
    private readonly waiter: ReferenceWaiter,
  ) {}

  @Get()
  @Documented({ summary: 'The references that providers accept now', answer: 'ProviderUrlList', errors: { 404: ['UNKNOWN_ASSET'] } })
  async list(@Param() { assetId }: AssetPath, @Query() _: CallQuery, @Asking() asked: Asked): Promise<{ items: readonly ProviderUrl[] }> {
    const { providerUrls } = await this.services.ask<AssetView>(SUBJECTS.catalog.get, { ...asked, assetId });
    return { items: providerUrls };
  }

  @Put(':providerId')
  @ApiHeader({ name: 'Prefer', required: false, description: '`wait=N`, 0 to 60 seconds; default 0. Then 202 where the reference is not ready yet.' })
  @Documented({
    summary: 'getAssetForProvider: a reference that the provider accepts now',
    answer: 'Resolved',
    also: { 202: 'The transfer goes on; Location names it' },
    errors: {
      400: ['ACCOUNT_REQUIRED'],
      404: NOT_FOUND,
      409: ['TRANSFER_CANCELLED', 'TRANSFER_FAILED'],
      413: ['TRANSFER_FAILED'],
      422: ['TARGET_LIMITS', 'TTL_UNREACHABLE', 'TRANSFER_REFUSED', 'TRANSFER_FAILED'],
      429: ['TOO_MANY_REPORTS'],
      502: ['TRANSFER_FAILED'],
      503: ['PROVIDER_UNAVAILABLE', 'TOO_MANY_WAITERS'],
      507: ['TRANSFER_FAILED'],
    },
    command: true,
  })
  async resolve(
    @Param() { assetId, providerId }: AssetProviderPath,
    @Query() _: CallQuery,
    @Body() body: ResolveBody,
    @Commanding() commanded: Commanded,
    @Headers('prefer') prefer: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const waitMs = waitMsOf(prefer);
    const resolved = await this.waiter.resolve({ ...commanded, ...body, assetId, providerId }, waitMs, goneSignal(reply));
    if (waitMs) void reply.header('preference-applied', `wait=${waitMs / 1_000}`);
    if (resolved.status === 'ready') await answer(reply, { status: 200, body: resolved });
    else await answer(reply, { status: 202, body: resolved, location: `/v1/transfers/${resolved.transferId}` });
  }

  @Post(':providerId/invalidate')
  @Documented({
    summary: 'Report that the provider refused a reference: the next resolve makes a new one',
    answer: 'Done',
    errors: { 404: [...NOT_FOUND, 'UNKNOWN_REFERENCE'], 409: ['REFERENCE_LIVES', 'REFERENCE_STATE_UNKNOWN'] },
    command: true,
  })
  async invalidate(
    @Param() { assetId, providerId }: AssetProviderPath,
    @Query() _: CallQuery,
    @Body() body: InvalidateBody,
    @Commanding() commanded: Commanded,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const request = { ...commanded, ...body, assetId, providerId };
    await answer(reply, { status: 200, body: await this.services.ask(SUBJECTS.transfer.invalidate, request) });
  }

  @Get(':providerId/plan')
  @Documented({ summary: 'What a resolve would do and why, without doing it', answer: 'Plan', errors: { 400: ['ACCOUNT_REQUIRED'], 404: NOT_FOUND, 503: ['PROVIDER_UNAVAILABLE'] } })
  plan(@Param() { assetId, providerId }: AssetProviderPath, @Query() query: PlanQuery, @Asking() asked: Asked): Promise<object> {
    const { use, accountId, minRemainingTtl } = query;
    return this.services.ask(SUBJECTS.transfer.plan, { ...asked, assetId, providerId, use, accountId, minRemainingTtl });
  }

  @Post(':providerId/check')
  @Documented({
    summary: 'Ask the provider whether a reference still lives; one that is gone is made anew by the next resolve',
    answer: 'ReferenceCheck',
    errors: { 400: ['ACCOUNT_REQUIRED'], 404: [...NOT_FOUND, 'UNKNOWN_REFERENCE'], 422: ['TARGET_LIMITS'], 503: ['PROVIDER_UNAVAILABLE'] },
    command: true,
  })
  async check(
    @Param() { assetId, providerId }: AssetProviderPath,
    @Query() _: CallQuery,
    @Body() body: CheckBody,
    @Commanding() commanded: Commanded,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const request = { ...commanded, ...body, assetId, providerId };
    await answer(reply, { status: 200, body: await this.services.ask(SUBJECTS.transfer.check, request) });
  }
}
