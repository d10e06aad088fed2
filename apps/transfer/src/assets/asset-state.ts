import type { AssetContent, AssetEvent, AssetRegisteredData, Origin } from '@ferry/domain/asset/events';
import type { MediaFacts, MediaKind } from '@ferry/kernel';

/** What a transfer needs to know of an asset. */
export interface AssetForTransfer {
  readonly assetId: string;
  readonly owner: string;
  readonly kind: MediaKind;
  readonly origin: Origin;
  /** The origin is known to have stopped giving the bytes. */
  readonly originLost: boolean;
  /** Verified facts where there are any, else what the client declared. */
  readonly facts: MediaFacts;
  readonly sha256?: string;
  readonly filename?: string;
  readonly deleted: boolean;
}

/** The asset as it was registered. */
export const begun = (assetId: string, owner: string, data: AssetRegisteredData): AssetForTransfer => ({
  assetId,
  owner,
  kind: data.kind,
  origin: data.origin,
  originLost: false,
  facts: { ...data.declared, kind: data.kind },
  ...(data.personal?.filename ? { filename: data.personal.filename } : {}),
  deleted: false,
});

const verified = (asset: AssetForTransfer, { sha256, ...facts }: AssetContent): AssetForTransfer => ({ ...asset, sha256, facts });

/** The asset after a later event. */
export const applied = (asset: AssetForTransfer, event: Exclude<AssetEvent, { type: 'AssetRegistered' }>): AssetForTransfer => {
  switch (event.type) {
    case 'AssetContentVerified':
      return verified(asset, event.data);
    case 'AssetOriginRefreshed':
      return { ...asset, originLost: false, origin: { providerId: asset.origin.providerId, accountId: asset.origin.accountId, ...event.data } };
    case 'AssetOriginLost':
      return { ...asset, originLost: true };
    case 'AssetDeleted':
      return { ...asset, deleted: true };
    default:
      return asset;
  }
};
