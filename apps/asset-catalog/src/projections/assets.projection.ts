import { ASSET_CATEGORY, type AssetContent, type AssetEvent, type Capture, type Origin } from '@ferry/domain/asset/events';
import { defined, idInStream, type MediaKind, type Position } from '@ferry/kernel';
import { defineProjection } from '@ferry/read-models';

export interface AssetDocument {
  readonly assetId: string;
  readonly owner: string;
  readonly deleted: boolean;
  readonly kind: MediaKind;
  readonly origin: Origin;
  readonly originLost: boolean;
  readonly capture: Capture;
  readonly content?: AssetContent;
  readonly filename?: string;
  readonly registeredAt: string;
  /** Orders the list. */
  readonly registeredPosition: Position;
}

const changed = (document: AssetDocument | undefined, change: Partial<AssetDocument>): AssetDocument | undefined =>
  document && !document.deleted ? { ...document, ...change } : undefined;

export const assets = defineProjection<AssetEvent, AssetDocument>()({
  name: 'assets',
  version: 1,
  categories: [ASSET_CATEGORY],
  indexes: [{ key: { owner: 1, deleted: 1, registeredPosition: -1 } }],
  id: ({ streamName }) => idInStream(ASSET_CATEGORY, streamName),
  on: {
    AssetRegistered: (_, { streamName, metadata, created, position, data: { origin, kind, capture, personal } }) =>
      defined({
        assetId: idInStream(ASSET_CATEGORY, streamName)!,
        owner: metadata.owner,
        deleted: false,
        kind,
        origin,
        originLost: false,
        capture,
        filename: personal?.filename,
        registeredAt: created,
        registeredPosition: position,
      }),
    AssetContentVerified: (document, { data }) => changed(document, { content: data }),
    AssetOriginRefreshed: (document, { data: { forms, expiresAt } }) => {
      if (!document) return undefined;
      const { providerId, accountId } = document.origin;
      return changed(document, { originLost: false, origin: defined({ providerId, accountId, forms, expiresAt }) });
    },
    AssetOriginLost: (document) => changed(document, { originLost: true }),
    AssetDeleted: (document) => changed(document, { deleted: true }),
  },
  ignores: [],
});
