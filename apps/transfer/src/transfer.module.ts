import type { LeaseManager } from '@ferry/coordination';
import type { EventStore } from '@ferry/event-store';
import type { ReadModels } from '@ferry/read-models';
import { loadConfig, LOGGER } from '@ferry/service-host';
import { ProvidersModule } from '@ferry/service-host/providers';
import { EVENT_STORE, LEASES, permitsOf, READ_MODELS, snapshotsOf, StoresModule } from '@ferry/service-host/stores';
import { Module } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { AssetReader } from './assets/asset-reader';
import { assetBytesProjection } from './capture/asset-bytes.projection';
import { CaptureMetrics } from './capture/capture-metrics';
import { CaptureConfig } from './capture/capture.config';
import { Capturer } from './capture/capturer';
import { CapturesController } from './capture/captures.controller';
import { Deadlines } from './capture/deadlines';
import { DownloadsController } from './downloads/downloads.controller';
import { Bytes } from './engine/bytes';
import { CacheClient } from './engine/cache-client';
import { Cancellation } from './engine/cancellation';
import { Copies } from './engine/copies';
import { DeletionReactor } from './engine/deletion-reactor';
import { DownloadDriver } from './engine/download-driver';
import { EndedRunsReactor } from './engine/ended-runs-reactor';
import { EngineMetrics } from './engine/engine-metrics';
import { LateUploads } from './engine/late-uploads';
import { LostUploads } from './engine/lost-uploads';
import { Progress } from './engine/progress';
import { ProviderGate } from './engine/provider-gate';
import { ProviderJobs } from './engine/provider-jobs';
import { QueueSnapshots, SNAPSHOT_VERSION } from './engine/queue-snapshots';
import { ReleaseDesk } from './engine/release-desk';
import { RunIndex } from './engine/run-index';
import { RunLog } from './engine/run-log';
import { Slots } from './engine/slots';
import { TargetLimitsOf } from './engine/target-limits';
import { TransferDriver } from './engine/transfer-driver';
import { VendorCleanup } from './engine/vendor-cleanup';
import { Worker } from './engine/worker';
import { Refresher } from './refresh/refresher';
import { RefreshConfig } from './refresh/refresh.config';
import { ReferenceChecks } from './references/reference-checks';
import { ReferencesController } from './references/references.controller';
import { ANSWER_PROVIDERS } from './resolve/answer-providers';
import { ResolveController } from './resolve/resolve.controller';
import { ASSET_BYTES_RUNNER, PERMITS, SNAPSHOTS, TransferConfig, TRANSFERS_RUNNER, WARMINGS_RUNNER, WORKER_ID } from './transfer.config';
import { TransfersController } from './transfers/transfers.controller';
import { transfersProjection } from './transfers/transfers.projection';
import { Warmer } from './warming/warmer';
import { WarmingDownloads } from './warming/warming-downloads';
import { WarmingRules } from './warming/warming-rules';
import { WarmingConfig } from './warming/warming.config';
import { WarmingsController } from './warming/warmings.controller';
import { warmingsProjection } from './warming/warmings.projection';

@Module({
  imports: [StoresModule, ProvidersModule],
  controllers: [CapturesController, DownloadsController, ResolveController, ReferencesController, TransfersController, WarmingsController],
  providers: [
    { provide: TransferConfig, useFactory: () => loadConfig(TransferConfig) },
    { provide: WORKER_ID, useFactory: () => randomUUID() },
    { provide: PERMITS, inject: [READ_MODELS, WORKER_ID, LOGGER], useFactory: permitsOf },
    { provide: SNAPSHOTS, inject: [READ_MODELS], useFactory: (models: ReadModels) => snapshotsOf(models, SNAPSHOT_VERSION) },
    {
      provide: TRANSFERS_RUNNER,
      inject: [READ_MODELS, EVENT_STORE, LEASES],
      useFactory: (models: ReadModels, store: EventStore, leases: LeaseManager) => models.project(transfersProjection, store, leases),
    },
    {
      provide: ASSET_BYTES_RUNNER,
      inject: [READ_MODELS, EVENT_STORE, LEASES],
      useFactory: (models: ReadModels, store: EventStore, leases: LeaseManager) => models.project(assetBytesProjection, store, leases),
    },
    {
      provide: WARMINGS_RUNNER,
      inject: [READ_MODELS, EVENT_STORE, LEASES],
      useFactory: (models: ReadModels, store: EventStore, leases: LeaseManager) => models.project(warmingsProjection, store, leases),
    },
    ...ANSWER_PROVIDERS,
    AssetReader,
    Bytes,
    CacheClient,
    Cancellation,
    { provide: CaptureConfig, useFactory: () => loadConfig(CaptureConfig) },
    CaptureMetrics,
    Capturer,
    Copies,
    Deadlines,
    DeletionReactor,
    DownloadDriver,
    EndedRunsReactor,
    EngineMetrics,
    LateUploads,
    LostUploads,
    Progress,
    ProviderGate,
    ProviderJobs,
    QueueSnapshots,
    ReferenceChecks,
    { provide: RefreshConfig, useFactory: () => loadConfig(RefreshConfig) },
    Refresher,
    ReleaseDesk,
    RunIndex,
    RunLog,
    Slots,
    TargetLimitsOf,
    TransferDriver,
    VendorCleanup,
    Warmer,
    { provide: WarmingConfig, useFactory: () => loadConfig(WarmingConfig) },
    WarmingDownloads,
    WarmingRules,
    Worker,
  ],
})
export class TransferModule {}
