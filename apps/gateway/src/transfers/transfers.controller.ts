import { SUBJECTS, type TransferView } from '@ferry/contracts';
import { Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { answer } from '../http/answer';
import { Asking, Commanding, type Asked, type Commanded } from '../http/call';
import { CallQuery, TransferPath } from '../http/parameters';
import { Documented } from '../openapi/documented';
import { Services } from '../services';
import { ListTransfersQuery } from './transfers.parameters';

const COMMAND_ERRORS = { 404: ['UNKNOWN_TRANSFER'], 409: ['CONFLICT'] };

@ApiTags('transfers')
@ApiBearerAuth()
@Controller('v1/transfers')
export class TransfersController {
  constructor(private readonly services: Services) {}

  @Get()
  @Documented({ summary: "An asset's transfers", answer: 'TransferList', errors: { 404: ['UNKNOWN_ASSET'] } })
  list(@Query() { assetId, limit }: ListTransfersQuery, @Asking() asked: Asked): Promise<object> {
    return this.services.ask(SUBJECTS.transfer.list, { ...asked, assetId, limit });
  }

  @Get(':transferId')
  @Documented({ summary: 'One transfer and where it stands', answer: 'Transfer', errors: { 404: ['UNKNOWN_TRANSFER'] } })
  get(@Param() { transferId }: TransferPath, @Query() _: CallQuery, @Asking() asked: Asked): Promise<TransferView> {
    return this.services.ask(SUBJECTS.transfer.get, { ...asked, transferId });
  }

  @Post(':transferId/retry')
  @Documented({ summary: 'Begin a new run after one that failed', answer: 'TransferCommand', status: 202, errors: COMMAND_ERRORS, command: true })
  async retry(
    @Param() { transferId }: TransferPath,
    @Query() _: CallQuery,
    @Commanding() commanded: Commanded,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const body = await this.services.ask<{ transferId?: string }>(SUBJECTS.transfer.retry, { ...commanded, transferId });
    await answer(reply, { status: 202, body, location: `/v1/transfers/${body.transferId ?? transferId}` });
  }

  @Post(':transferId/cancel')
  @Documented({ summary: 'Cancel a transfer', answer: 'TransferCommand', errors: COMMAND_ERRORS, command: true })
  async cancel(
    @Param() { transferId }: TransferPath,
    @Query() _: CallQuery,
    @Commanding() commanded: Commanded,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await answer(reply, { status: 200, body: await this.services.ask(SUBJECTS.transfer.cancel, { ...commanded, transferId }) });
  }
}
