import { assetStream } from '@ferry/domain/asset/events';
import type { EventStore } from '@ferry/event-store';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { lineageServiceError } from './lineage.errors';

/** Whose an asset is, from its stream: that is right at once, and does not need the catalog to run. Deleted assets keep their lineage. */
@Injectable()
export class AssetOwners {
  constructor(@Inject(EVENT_STORE) private readonly store: EventStore) {}

  /** @throws FerryError UNKNOWN_ASSET, also for another owner's */
  async mustOwn(owner: string, assetId: string): Promise<void> {
    const [first] = await this.store.read(assetStream(assetId), { maxCount: 1 });
    if (first?.metadata.owner !== owner) throw lineageServiceError('UNKNOWN_ASSET', { assetId });
  }
}
