import { SUBJECTS, type CacheUsage } from '@ferry/contracts';
import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { Asking, type Asked } from '../http/call';
import { CallQuery } from '../http/parameters';
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
}
