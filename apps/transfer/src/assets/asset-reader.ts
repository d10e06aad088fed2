import { assetStream, type AssetEvent } from '@ferry/domain/asset/events';
import type { EventStore } from '@ferry/event-store';
import { FerryError, type Position } from '@ferry/kernel';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { applied, begun, type AssetForTransfer } from './asset-state';

export type { AssetForTransfer } from './asset-state';

export interface ReadAsset {
  readonly asset: AssetForTransfer;
  /** Of the last event. */
  readonly revision: number;
  readonly position: Position;
}

/**
 * The owner's living asset. Another owner's is not told apart from none.
 * @throws FerryError UNKNOWN_ASSET, ASSET_DELETED
 */
export const ownedAndLiving = <A extends Pick<AssetForTransfer, 'owner' | 'deleted'>>(asset: A | undefined, owner: string): A => {
  if (!asset || asset.owner !== owner) throw new FerryError('UNKNOWN_ASSET', 'not-found', 'There is no such asset. Register it first.');
  if (asset.deleted) throw new FerryError('ASSET_DELETED', 'not-found', 'The asset was deleted. Register its origin again to use it.');
  return asset;
};

/** Reads assets from their streams: always as new as the log, and without asking another service. */
@Injectable()
export class AssetReader {
  constructor(@Inject(EVENT_STORE) private readonly store: EventStore) {}

  /** Undefined where there is no such asset; whose it is, is the caller's to check. */
  async find(assetId: string): Promise<AssetForTransfer | undefined> {
    return (await this.read(assetId))?.asset;
  }

  /** As find, with how far the stream was read. */
  async read(assetId: string): Promise<ReadAsset | undefined> {
    let found: ReadAsset | undefined;
    for (const event of await this.store.read<AssetEvent>(assetStream(assetId))) {
      const { type, data } = event as unknown as AssetEvent;
      const { revision, position, metadata } = event;
      if (type === 'AssetRegistered') found = { asset: begun(assetId, metadata.owner, data), revision, position };
      else if (found) found = { asset: applied(found.asset, { type, data } as Exclude<AssetEvent, { type: 'AssetRegistered' }>), revision, position };
    }
    return found;
  }

  /**
   * The owner's living asset. Another owner's is not told apart from none.
   * @throws FerryError UNKNOWN_ASSET, ASSET_DELETED
   */
  async require(assetId: string, owner: string): Promise<AssetForTransfer> {
    return ownedAndLiving(await this.find(assetId), owner);
  }
}
