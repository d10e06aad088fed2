import { loadConfig } from '@ferry/service-host';
import { ProvidersModule } from '@ferry/service-host/providers';
import { Module } from '@nestjs/common';
import { AssetsController } from './assets/assets.controller';
import { ContentStream } from './assets/content-stream';
import { ContentController } from './assets/content.controller';
import { LineageController } from './assets/lineage.controller';
import { CacheController } from './cache/cache.controller';
import { CapturesController } from './cache/captures.controller';
import { CacheStatisticsController } from './cache/statistics.controller';
import { WarmingsController } from './cache/warmings.controller';
import { GatewayConfig } from './gateway.config';
import { ProviderUrlsController } from './provider-urls/provider-urls.controller';
import { ReferenceWaiter } from './provider-urls/reference-waiter';
import { ProvidersController } from './providers/providers.controller';
import { Services } from './services';
import { TransfersController } from './transfers/transfers.controller';

export const CONTROLLERS = [
  AssetsController,
  ContentController,
  LineageController,
  ProviderUrlsController,
  TransfersController,
  CapturesController,
  CacheStatisticsController,
  WarmingsController,
  CacheController,
  ProvidersController,
];

@Module({
  imports: [ProvidersModule],
  controllers: CONTROLLERS,
  providers: [Services, ReferenceWaiter, ContentStream, { provide: GatewayConfig, useFactory: () => loadConfig(GatewayConfig) }],
})
export class GatewayModule {}
