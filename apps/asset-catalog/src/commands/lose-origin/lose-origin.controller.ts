import { LoseOriginRequest, SUBJECTS, type LoseOriginAnswer } from '@ferry/contracts';
import { assetDefinition, assetStream } from '@ferry/domain/asset';
import { metadataFor, type EventStore } from '@ferry/event-store';
import { defined } from '@ferry/kernel';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { AssetOwners } from '../../queries/asset-owners';

@Controller()
export class LoseOriginController {
  constructor(
    private readonly owners: AssetOwners,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  @MessagePattern(SUBJECTS.catalog.loseOrigin)
  async lose(@Payload() request: LoseOriginRequest): Promise<LoseOriginAnswer> {
    const { owner, assetId, seen, reason, reported } = request;
    await this.owners.mustOwn(owner, assetId);
    const personal = reported === undefined ? undefined : { reason: reported };
    const { state, token } = await this.store.handle({
      definition: assetDefinition,
      stream: assetStream(assetId),
      command: { type: 'LoseOrigin', data: defined({ seen, reason, personal }), metadata: { now: new Date().toISOString() } },
      metadata: metadataFor(request),
    });
    return { lost: 'originLost' in state && state.originLost !== undefined, token };
  }
}
