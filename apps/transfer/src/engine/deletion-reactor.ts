import type { LeaseManager } from '@ferry/coordination';
import { ASSET_CATEGORY, type AssetEvent } from '@ferry/domain/asset/events';
import type { EventStore } from '@ferry/event-store';
import { idInStream, parseRunId, type RecordedEvent } from '@ferry/kernel';
import type { ReadModels, Runner } from '@ferry/read-models';
import { EVENT_STORE, LEASES, READ_MODELS } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { TRANSFERS_RUNNER } from '../transfer.config';
import { transfersProjection } from '../transfers/transfers.projection';
import { Cancellation } from './cancellation';
import { VendorCleanup } from './vendor-cleanup';

const VISIBLE_MS = 30_000;
const READ_MS = 10_000;

/** The runs of a deleted asset are cancelled, and its copies at vendors deleted where that is possible. What began so late that it is not seen here finds the asset deleted in its own turn. */
@Injectable()
export class DeletionReactor {
  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    @Inject(READ_MODELS) private readonly models: ReadModels,
    @Inject(LEASES) leases: LeaseManager,
    @Inject(TRANSFERS_RUNNER) private readonly transfers: Runner,
    private readonly cancellation: Cancellation,
    private readonly cleanup: VendorCleanup,
  ) {
    models.follow({ name: 'transfer-asset-deleted', prefixes: [ASSET_CATEGORY], onEvent: (event) => this.react(event) }, store, leases);
  }

  private async react(recorded: RecordedEvent): Promise<void> {
    const { type, streamName, position, metadata, id } = recorded as RecordedEvent<AssetEvent>;
    if (type !== 'AssetDeleted') return;
    const { owner } = metadata;
    const assetId = idInStream(ASSET_CATEGORY, streamName)!;
    await this.transfers.waitFor(position, VISIBLE_MS);
    const newest = new Map<string, string>();
    const rows = this.models.collection(transfersProjection).find({ owner, assetId }, { sort: { requestedAt: 1 }, maxTimeMS: READ_MS });
    for await (const { transferId } of rows) newest.set(parseRunId(transferId)!.subjectId, transferId);
    for (const transferId of newest.values()) {
      await this.cancellation.cancel({ transferId, owner, actor: 'service:transfer', commandId: `reaction:transfer:${id}` });
    }
    await this.cancellation.cancelDownload(assetId, owner);
    for (const routeId of newest.keys()) await this.cleanup.clean(routeId, owner);
  }
}
