import { CheckReferenceRequest, InvalidateReferenceRequest, SUBJECTS, type CheckReferenceAnswer } from '@ferry/contracts';
import { transferDefinition, transferStream } from '@ferry/domain/transfer';
import type { EventStore } from '@ferry/event-store';
import { FerryError, parseRunId, type Token } from '@ferry/kernel';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { AssetReader } from '../assets/asset-reader';
import { RunLog } from '../engine/run-log';
import { ReferenceChecks } from './reference-checks';

/** What is known to be wrong with references: by a caller's word, or by the provider's own. The next resolve uploads again. */
@Controller()
export class ReferencesController {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly log: RunLog,
    private readonly assets: AssetReader,
    private readonly checks: ReferenceChecks,
  ) {}

  @MessagePattern(SUBJECTS.transfer.check)
  check(@Payload() request: CheckReferenceRequest): Promise<CheckReferenceAnswer> {
    return this.checks.check(request);
  }

  @MessagePattern(SUBJECTS.transfer.invalidate)
  async invalidate(@Payload() request: InvalidateReferenceRequest): Promise<{ token: Token }> {
    const { assetId, owner, providerId, referenceId, reason, actor } = request;
    const made = parseRunId(referenceId);
    if (!made) return this.checks.reportedOrigin(request);
    await this.assets.require(assetId, owner);
    const { subjectId: routeId } = made;
    const { state } = await this.store.load(transferDefinition, transferStream(routeId));
    if (state.route?.assetId !== assetId || state.route.providerId !== providerId) {
      throw new FerryError('UNKNOWN_REFERENCE', 'not-found', 'The asset has no such reference at this provider. Check the referenceId.');
    }
    const { token } = await this.log.route(routeId, request, { type: 'InvalidateReference', data: { referenceId, reason: 'reported', reportedBy: actor, personal: { reason } } });
    return { token };
  }
}
