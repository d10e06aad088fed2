import type { LeaseManager } from '@ferry/coordination';
import type { EventStore } from '@ferry/event-store';
import type { ReadModels } from '@ferry/read-models';
import { loadConfig } from '@ferry/service-host';
import { ProvidersModule } from '@ferry/service-host/providers';
import { EVENT_STORE, LEASES, READ_MODELS, StoresModule } from '@ferry/service-host/stores';
import { Module } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { AssetReader } from './assets/asset-reader';
import { Bytes } from './engine/bytes';
import { CacheClient } from './engine/cache-client';
import { DownloadDriver } from './engine/download-driver';
import { ProviderJobs } from './engine/provider-jobs';
import { RunIndex } from './engine/run-index';
import { TransferDriver } from './engine/transfer-driver';
import { Worker } from './engine/worker';
import { ReferencesController } from './references/references.controller';
import { ResolveController } from './resolve/resolve.controller';
import { ResolveService } from './resolve/resolve.service';
import { TransferConfig, TRANSFERS_RUNNER, WORKER_ID } from './transfer.config';
import { TransfersController } from './transfers/transfers.controller';
import { transfersProjection } from './transfers/transfers.projection';

@Module({
  imports: [StoresModule, ProvidersModule],
  controllers: [ResolveController, ReferencesController, TransfersController],
  providers: [
    { provide: TransferConfig, useFactory: () => loadConfig(TransferConfig) },
    { provide: WORKER_ID, useFactory: () => randomUUID() },
    {
      provide: TRANSFERS_RUNNER,
      inject: [READ_MODELS, EVENT_STORE, LEASES],
      useFactory: (models: ReadModels, store: EventStore, leases: LeaseManager) => models.project(transfersProjection, store, leases),
    },
    AssetReader,
    Bytes,
    CacheClient,
    DownloadDriver,
    ProviderJobs,
    ResolveService,
    RunIndex,
    TransferDriver,
    Worker,
  ],
})
export class TransferModule {}
