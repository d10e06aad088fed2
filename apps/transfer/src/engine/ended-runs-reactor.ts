import type { LeaseManager } from '@ferry/coordination';
import { TRANSFER_CATEGORY, type TransferEvent } from '@ferry/domain/transfer';
import type { EventStore } from '@ferry/event-store';
import type { RecordedEvent } from '@ferry/kernel';
import type { ReadModels } from '@ferry/read-models';
import { EVENT_STORE, LEASES, READ_MODELS } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { Cancellation } from './cancellation';

/**
 * Whoever ends a run tidies up after it, and may be lost in between: then its job would go on, and the asset's download for nobody. The log tells of the end;
 * who follows it tidies up again, which changes nothing where that was done.
 */
@Injectable()
export class EndedRunsReactor {
  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    @Inject(READ_MODELS) models: ReadModels,
    @Inject(LEASES) leases: LeaseManager,
    private readonly cancellation: Cancellation,
  ) {
    models.follow({ name: 'transfer-run-ended', prefixes: [TRANSFER_CATEGORY], onEvent: (event) => this.react(event) }, store, leases);
  }

  private async react(recorded: RecordedEvent): Promise<void> {
    const { type, data, metadata } = recorded as RecordedEvent<TransferEvent>;
    if (type !== 'TransferFailed' && type !== 'TransferCancelled') return;
    const { transferId } = data as Extract<TransferEvent, { type: 'TransferFailed' | 'TransferCancelled' }>['data'];
    await this.cancellation.tidyTransfer({ runId: transferId, owner: metadata.owner });
  }
}
