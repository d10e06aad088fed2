import { LeaseManager, Permits, Snapshots } from '@ferry/coordination';
import { EventStore } from '@ferry/event-store';
import type { Health, Logger } from '@ferry/observability';
import { ReadModels } from '@ferry/read-models';
import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { loadConfig, StoresConfig } from './config';
import { HEALTH, LOGGER, SERVICE_NAME } from './tokens';

export const EVENT_STORE = Symbol('EventStore');
export const READ_MODELS = Symbol('ReadModels');
export const LEASES = Symbol('LeaseManager');

/** Permits for calls at providers; `holder`: this process, new at every start. */
export const permitsOf = ({ db }: ReadModels, holder: string, logger: Logger): Permits => new Permits(db, holder, logger);
/** Snapshots of what is folded from the log, in the form that the version names. */
export const snapshotsOf = ({ db }: ReadModels, version: number): Snapshots => new Snapshots(db, version);

/** A service is not ready while the store does not answer, though nobody asks it anything. */
const PROBE_MS = 1_000;

/** The event store and the read models, for the services that own streams. Kept apart so that the others never load the drivers. */
@Global()
@Module({
  providers: [
    { provide: StoresConfig, useFactory: () => loadConfig(StoresConfig) },
    {
      provide: EVENT_STORE,
      inject: [StoresConfig, LOGGER, HEALTH],
      useFactory: ({ EVENTSTORE_URL }: StoresConfig, logger: Logger, health: Health) => {
        const store = EventStore.connect({ url: EVENTSTORE_URL, logger });
        health.register('eventstore', () => store.ready());
        return store;
      },
    },
    {
      provide: READ_MODELS,
      inject: [StoresConfig, LOGGER, HEALTH],
      useFactory: ({ MONGODB_URL }: StoresConfig, logger: Logger, health: Health) => {
        const models = ReadModels.connect({ url: MONGODB_URL, logger });
        health.register('mongodb', () => models.ready());
        return models;
      },
    },
    {
      provide: LEASES,
      inject: [READ_MODELS, SERVICE_NAME],
      useFactory: ({ db }: ReadModels, name: string) => new LeaseManager(db, `${name}-${randomUUID()}`),
    },
  ],
  exports: [StoresConfig, EVENT_STORE, READ_MODELS, LEASES],
})
export class StoresModule implements OnApplicationShutdown {
  private readonly probing: NodeJS.Timeout;

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(READ_MODELS) private readonly models: ReadModels,
    @Inject(LOGGER) logger: Logger,
  ) {
    const probe = () => store.probe().catch((error: unknown) => logger.debug({ err: error }, 'the event store did not answer'));
    this.probing = setInterval(() => void probe(), PROBE_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.probing);
    await this.models.close();
    await this.store.close();
  }
}
