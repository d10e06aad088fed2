import { EventStore } from '@ferry/event-store';
import type { Health, Logger } from '@ferry/observability';
import type { Messaging } from '@ferry/messaging';
import { HEALTH, loadConfig, LOGGER, MESSAGING } from '@ferry/service-host';
import { ProviderDirectory, ProvidersModule } from '@ferry/service-host/providers';
import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { CacheController } from './api/cache.controller';
import { StatisticsController } from './api/statistics.controller';
import { CacheManagerConfig } from './cache-manager.config';
import { CacheNode } from './cache/cache-node';

/** No read models here: what the cache has to know fits in memory and comes from the events, so MongoDB may be away. */
@Module({
  imports: [ProvidersModule],
  controllers: [CacheController, StatisticsController],
  providers: [
    { provide: CacheManagerConfig, useFactory: () => loadConfig(CacheManagerConfig) },
    {
      provide: EventStore,
      inject: [CacheManagerConfig, LOGGER],
      useFactory: ({ EVENTSTORE_URL }: CacheManagerConfig, logger: Logger) => EventStore.connect({ url: EVENTSTORE_URL, logger }),
    },
    {
      provide: CacheNode,
      inject: [CacheManagerConfig, EventStore, MESSAGING, ProviderDirectory, LOGGER, HEALTH],
      useFactory: async (config: CacheManagerConfig, eventStore: EventStore, messaging: Messaging, directory: ProviderDirectory, logger: Logger, health: Health) => {
        const node = await CacheNode.start(config, { eventStore, messaging, directory, logger });
        health.register('eventstore', () => eventStore.ready());
        health.register('cache', () => node.health());
        return node;
      },
    },
  ],
})
export class CacheManagerModule implements OnApplicationShutdown {
  constructor(
    @Inject(CacheNode) private readonly node: CacheNode,
    @Inject(EventStore) private readonly eventStore: EventStore,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.node.close();
    await this.eventStore.close();
  }
}
