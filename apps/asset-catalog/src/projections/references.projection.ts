import { TRANSFER_CATEGORY, type TransferEvent } from '@ferry/domain/transfer/events';
import { defined, idInStream, type ReferenceForms } from '@ferry/kernel';
import { defineProjection } from '@ferry/read-models';

export interface RouteReference {
  readonly referenceId: string;
  readonly forms: ReferenceForms;
  readonly expiresAt?: string;
}

/** A route of an asset, with its current reference. */
export interface RouteDocument {
  readonly routeId: string;
  readonly owner: string;
  readonly assetId: string;
  readonly providerId: string;
  readonly accountId: string;
  readonly variant: string;
  readonly reference?: RouteReference;
}

export const references = defineProjection<TransferEvent, RouteDocument>()({
  name: 'asset-references',
  version: 1,
  categories: [TRANSFER_CATEGORY],
  indexes: [{ key: { owner: 1, assetId: 1 } }],
  id: ({ streamName }) => idInStream(TRANSFER_CATEGORY, streamName),
  on: {
    TransferRequested: (document, { streamName, metadata: { owner }, data: { assetId, providerId, accountId, variant } }) =>
      document ?? { routeId: idInStream(TRANSFER_CATEGORY, streamName)!, owner, assetId, providerId, accountId, variant },
    ProviderUrlCached: (document, { data: { referenceId, forms, expiresAt } }) =>
      document && { ...document, reference: defined({ referenceId, forms, expiresAt }) },
    ProviderUrlInvalidated: (document, { data }) => {
      if (document?.reference?.referenceId !== data.referenceId) return undefined;
      const { reference: _, ...route } = document;
      return route;
    },
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
    'TransferCompleted',
    'TransferFailed',
    'TransferCancelled',
  ],
});
