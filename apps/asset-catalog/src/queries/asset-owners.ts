import { assetStream } from '@ferry/domain/asset/events';
import type { EventStore } from '@ferry/event-store';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { catalogError } from '../catalog.errors';

/** Whose an asset is, from its stream: what a read model does not know yet is known here. */
@Injectable()
export class AssetOwners {
  constructor(@Inject(EVENT_STORE) private readonly store: EventStore) {}

  /** Those of the assets that do not exist or are another owner's; deleted ones exist. */
  async notOf(owner: string, assetIds: readonly string[]): Promise<string[]> {
    const missing: string[] = [];
    for (const assetId of new Set(assetIds)) {
      if ((await this.ownerOf(assetId)) !== owner) missing.push(assetId);
    }
    return missing;
  }

  /** @throws FerryError UNKNOWN_ASSET, also for another owner's */
  async mustOwn(owner: string, assetId: string): Promise<void> {
    if ((await this.ownerOf(assetId)) !== owner) throw catalogError('UNKNOWN_ASSET', { assetId });
  }

  private async ownerOf(assetId: string): Promise<string | undefined> {
    const [first] = await this.store.read(assetStream(assetId), { maxCount: 1 });
    return first?.metadata.owner;
  }
}
