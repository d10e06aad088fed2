import { Messaging } from '@ferry/messaging';
import { createLogger, Health, type Logger } from '@ferry/observability';
import { Global, Module, type DynamicModule, type OnApplicationShutdown, Inject } from '@nestjs/common';
import { HostConfig, loadConfig } from './config';
import { HealthController } from './health.controller';
import { HEALTH, LOGGER, MESSAGING, SERVICE_NAME } from './tokens';

/** Logger, health and the message bus, for every service. */
@Global()
@Module({})
export class HostModule implements OnApplicationShutdown {
  constructor(@Inject(MESSAGING) private readonly messaging: Messaging) {}

  static forService(name: string): DynamicModule {
    return {
      module: HostModule,
      controllers: [HealthController],
      providers: [
        { provide: SERVICE_NAME, useValue: name },
        { provide: HostConfig, useFactory: () => loadConfig(HostConfig) },
        { provide: LOGGER, useFactory: () => createLogger(name) },
        { provide: HEALTH, useClass: Health },
        {
          provide: MESSAGING,
          inject: [HostConfig, LOGGER, HEALTH],
          useFactory: async ({ NATS_URL }: HostConfig, logger: Logger, health: Health) => {
            const messaging = await Messaging.connect({ url: NATS_URL, name, logger });
            health.register('nats', () => messaging.ready());
            return messaging;
          },
        },
      ],
      exports: [SERVICE_NAME, HostConfig, LOGGER, HEALTH, MESSAGING],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.messaging.close();
  }
}
