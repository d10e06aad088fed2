import { SUBJECTS, type CapturesAnswer } from '@ferry/contracts';
import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { Asking, type Asked } from '../http/call';
import { LimitQuery } from '../http/parameters';
import { Documented } from '../openapi/documented';
import { Services } from '../services';

@ApiTags('cache')
@ApiBearerAuth()
@Controller('v1/cache/captures')
export class CapturesController {
  constructor(private readonly services: Services) {}

  @Get()
  @Documented({ summary: 'Assets whose origin will end and whose bytes nothing else has, the earliest end first', answer: 'Captures', errors: { 503: ['READ_MODELS_UNAVAILABLE'] } })
  list(@Query() { limit }: LimitQuery, @Asking() asked: Asked): Promise<CapturesAnswer> {
    return this.services.ask(SUBJECTS.transfer.captures, { ...asked, limit });
  }
}
