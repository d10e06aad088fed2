import { AssetRequest, SUBJECTS, type AssetView } from '@ferry/contracts';
import { assetStream } from '@ferry/domain/asset/events';
import type { EventStore } from '@ferry/event-store';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { catalogError } from '../../catalog.errors';
import { assets, type AssetDocument } from '../../projections/assets.projection';
import { Projections } from '../../projections/projections';
import { AssetViews } from '../asset-views';

@Controller()
export class GetAssetController {
  constructor(
    private readonly projections: Projections,
    private readonly views: AssetViews,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** Another owner's asset is answered exactly as one that does not exist. */
  @MessagePattern(SUBJECTS.catalog.get)
  async get(@Payload() { owner, assetId, atLeast }: AssetRequest): Promise<AssetView> {
    await this.projections.reach(atLeast);
    const document = (await this.projections.assets.findOne({ _id: assetId, owner })) ?? (await this.fromStream(assetId));
    if (document?.owner !== owner) throw catalogError('UNKNOWN_ASSET', { assetId });
    return (await this.views.of(owner, [document]))[0]!;
  }

  /** What the read model will know soon. */
  private async fromStream(assetId: string): Promise<AssetDocument | undefined> {
    const events = await this.store.read(assetStream(assetId));
    return events.reduce<AssetDocument | undefined>((document, event) => assets.evolve(document, event) ?? document, undefined);
  }
}
