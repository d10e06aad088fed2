import { assetStream, type AssetContent, type AssetEvent, type Origin } from '@ferry/domain/asset/events';
import type { EventStore } from '@ferry/event-store';
import { FerryError, type MediaFacts, type MediaKind } from '@ferry/kernel';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';

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

const begin = (assetId: string, owner: string, data: Extract<AssetEvent, { type: 'AssetRegistered' }>['data']): AssetForTransfer => ({
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

const apply = (asset: AssetForTransfer, event: Exclude<AssetEvent, { type: 'AssetRegistered' }>): AssetForTransfer => {
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

/** Reads assets from their streams: always as new as the log, and without asking another service. */
@Injectable()
export class AssetReader {
  constructor(@Inject(EVENT_STORE) private readonly store: EventStore) {}

  /** Undefined where there is no such asset; whose it is, is the caller's to check. */
  async find(assetId: string): Promise<AssetForTransfer | undefined> {
    let asset: AssetForTransfer | undefined;
    for (const event of await this.store.read<AssetEvent>(assetStream(assetId))) {
      const { type, data } = event as unknown as AssetEvent;
      if (type === 'AssetRegistered') asset = begin(assetId, event.metadata.owner, data);
      else if (asset) asset = apply(asset, { type, data } as Exclude<AssetEvent, { type: 'AssetRegistered' }>);
    }
    return asset;
  }

  /**
   * The owner's living asset. Another owner's is not told apart from none.
   * @throws FerryError UNKNOWN_ASSET, ASSET_DELETED
   */
  async require(assetId: string, owner: string): Promise<AssetForTransfer> {
    const asset = await this.find(assetId);
    if (!asset || asset.owner !== owner) throw new FerryError('UNKNOWN_ASSET', 'not-found', 'There is no such asset. Register it first.');
    if (asset.deleted) throw new FerryError('ASSET_DELETED', 'not-found', 'The asset was deleted. Register its origin again to use it.');
    return asset;
  }
}
