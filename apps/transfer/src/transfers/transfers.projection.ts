import type { TransferEvent } from '@ferry/domain/transfer/events';
import { defineProjection } from '@ferry/read-models';

/** Which transfers an asset has; what they are is read from their streams. */
export interface TransferRow {
  readonly owner: string;
  readonly assetId: string;
  readonly transferId: string;
  readonly requestedAt: string;
}

export const transfersProjection = defineProjection<TransferEvent, TransferRow>()({
  name: 'transfers',
  version: 1,
  categories: ['transfer-'],
  indexes: [{ key: { owner: 1, assetId: 1, requestedAt: -1 } }],
  id: (event) => (event.type === 'TransferRequested' ? (event.data as { transferId: string }).transferId : undefined),
  on: {
    TransferRequested: (_, { data, metadata, created }) => ({
      owner: metadata.owner,
      assetId: data.assetId,
      transferId: data.transferId,
      requestedAt: created,
    }),
  },
  ignores: [
    'TransferRaised',
    'TransferClaimed',
    'UploadStarted',
    'UploadReleased',
    'UploadAccepted',
    'UploadFailed',
    'UploadOrphaned',
    'UploadCompleted',
    'ProviderUrlCached',
    'TransferCompleted',
    'TransferFailed',
    'TransferCancelled',
    'ProviderUrlInvalidated',
  ],
});
