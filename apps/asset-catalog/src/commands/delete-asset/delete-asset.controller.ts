import { AssetCommandRequest, SUBJECTS } from '@ferry/contracts';
import { assetDefinition, assetStream } from '@ferry/domain/asset';
import { metadataFor, type EventStore } from '@ferry/event-store';
import type { Token } from '@ferry/kernel';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { AssetOwners } from '../../queries/asset-owners';

@Controller()
export class DeleteAssetController {
  constructor(
    private readonly owners: AssetOwners,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  @MessagePattern(SUBJECTS.catalog.remove)
  async delete(@Payload() request: AssetCommandRequest): Promise<{ token: Token }> {
    await this.owners.mustOwn(request.owner, request.assetId);
    const { token } = await this.store.handle({
      definition: assetDefinition,
      stream: assetStream(request.assetId),
      command: { type: 'DeleteAsset', data: {}, metadata: { now: new Date().toISOString() } },
      metadata: metadataFor(request),
    });
    return { token };
  }
}
