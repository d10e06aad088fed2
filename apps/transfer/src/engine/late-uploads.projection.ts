import type { TransferEvent } from '@ferry/domain/transfer/events';
import { defineProjection } from '@ferry/read-models';

/** A released upload that was given up as absent while its adapter, cut off from here alone, could still bring it to stand. */
export interface LateUpload {
  readonly owner: string;
  readonly transferId: string;
  readonly attempt: number;
  /** ISO date from which nobody can bring it any more. */
  readonly lookUpAt: string;
}

export const lateUploadsProjection = defineProjection<TransferEvent, LateUpload>()({
  name: 'late-uploads',
  version: 1,
  categories: ['transfer-'],
  indexes: [{ key: { lookUpAt: 1 } }],
  id: (event) => {
    if (event.type !== 'UploadFailed') return undefined;
    const { transferId, attempt, lookUpAt } = event.data as Extract<TransferEvent, { type: 'UploadFailed' }>['data'];
    return lookUpAt === undefined ? undefined : `${transferId}.${attempt}`;
  },
  on: {
    UploadFailed: (_, { data: { transferId, attempt, lookUpAt }, metadata }) => (lookUpAt === undefined ? undefined : { owner: metadata.owner, transferId, attempt, lookUpAt }),
  },
  ignores: [
    'TransferRequested',
    'TransferRaised',
    'TransferClaimed',
    'UploadStarted',
    'UploadReleased',
    'UploadAccepted',
    'UploadOrphaned',
    'UploadCompleted',
    'ProviderUrlCached',
    'TransferCompleted',
    'TransferFailed',
    'TransferCancelled',
    'ProviderUrlInvalidated',
  ],
});
