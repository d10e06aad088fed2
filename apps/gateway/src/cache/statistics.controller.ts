import { MAX_FORECAST_DAYS, SUBJECTS, type CacheForecast, type CacheStatistics } from '@ferry/contracts';
import { Controller, Get, Query, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, Max, Min } from 'class-validator';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../auth/authenticate';
import { Asking, type Asked } from '../http/call';
import { CallQuery } from '../http/parameters';
import { Documented } from '../openapi/documented';
import { Services } from '../services';

export class ForecastQuery extends CallQuery {
  /** How far back accesses count. */
  @Type(() => Number) @IsInt() @Min(1) @Max(MAX_FORECAST_DAYS) days: number = 7;
}

@ApiTags('cache')
@ApiBearerAuth()
@Controller('v1/cache')
export class CacheStatisticsController {
  constructor(private readonly services: Services) {}

  @Get('statistics')
  @Documented({ summary: 'Hits, misses and evictions of each cache node, and what you hold there; with the admin scope, what every owner holds', answer: 'CacheStatistics' })
  statistics(@Query() _: CallQuery, @Asking() asked: Asked, @Req() request: FastifyRequest): Promise<CacheStatistics> {
    return this.services.ask(SUBJECTS.cache.statistics, { ...asked, admin: callerOf(request).admin });
  }

  @Get('forecast')
  @Documented({
    summary: 'What the budget, and twice as much, would have brought: the history replayed',
    answer: 'CacheForecast',
    errors: { 409: ['CACHE_HISTORY_TOO_SHORT'], 503: ['CACHE_FORECAST_PENDING'] },
  })
  forecast(@Query() { days }: ForecastQuery, @Asking() asked: Asked): Promise<CacheForecast> {
    return this.services.ask(SUBJECTS.cache.forecast, { ...asked, days });
  }
}
