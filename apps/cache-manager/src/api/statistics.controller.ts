import { CacheForecastRequest, CacheStatisticsRequest, SUBJECTS, type CacheForecast, type CacheStatistics } from '@ferry/contracts';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { CacheNode } from '../cache/cache-node';

@Controller()
export class StatisticsController {
  constructor(@Inject(CacheNode) private readonly node: CacheNode) {}

  @MessagePattern(SUBJECTS.cache.statistics)
  statistics(@Payload() request: CacheStatisticsRequest): Promise<CacheStatistics> {
    return this.node.router.statistics(request);
  }

  @MessagePattern(SUBJECTS.cache.forecast)
  forecast(@Payload() request: CacheForecastRequest): Promise<CacheForecast> {
    return this.node.router.forecast(request);
  }
}
