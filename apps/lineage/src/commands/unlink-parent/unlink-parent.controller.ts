import { SUBJECTS, UnlinkParentRequest, type LineageCommandAnswer } from '@ferry/contracts';
import { lineageDefinition } from '@ferry/domain/lineage';
import { lineageStream } from '@ferry/domain/lineage/events';
import { metadataFor, type EventStore } from '@ferry/event-store';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { AssetOwners } from '../../asset-owners';

@Controller()
export class UnlinkParentController {
  constructor(
    private readonly owners: AssetOwners,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** Every link of that parent and relation; where there is none, nothing changes. */
  @MessagePattern(SUBJECTS.lineage.unlink)
  async unlink(@Payload() request: UnlinkParentRequest): Promise<LineageCommandAnswer> {
    const { owner, assetId, parentAssetId, relationType } = request;
    await this.owners.mustOwn(owner, assetId);
    const { token } = await this.store.handle({
      definition: lineageDefinition,
      stream: lineageStream(assetId),
      command: { type: 'UnlinkParent', data: { parentAssetId, relationType }, metadata: { now: new Date().toISOString() } },
      metadata: metadataFor(request),
    });
    return { token };
  }
}
