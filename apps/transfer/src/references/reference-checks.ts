import {
  SUBJECTS,
  type CheckReferenceAnswer,
  type CheckReferenceRequest,
  type InvalidateReferenceRequest,
  type LoseOriginAnswer,
  type LoseOriginRequest,
  type ReferenceCheck,
} from '@ferry/contracts';
import { assetStream, type Origin } from '@ferry/domain/asset/events';
import { defined, FerryError, type ReferenceForms, type Route, type Token } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import { MESSAGING } from '@ferry/service-host';
import { Inject, Injectable } from '@nestjs/common';
import { AssetReader, ownedAndLiving } from '../assets/asset-reader';
import { lifeOf } from '../engine/reference-life';
import { RunLog } from '../engine/run-log';
import { ResolveService } from '../resolve/resolve.service';

const LOSE_MS = 5_000;

type Asker = Pick<CheckReferenceRequest, 'owner' | 'actor' | 'commandId' | 'assetId'>;

interface Checked extends Pick<Route, 'providerId' | 'accountId'> {
  readonly referenceId: string;
  readonly forms: ReferenceForms;
  /** Absent: the origin's own. */
  readonly routeId?: string;
}

/** Asks a provider whether a reference still lives. Only what is surely gone is given up: a route's reference, or the origin where that is the reference. */
@Injectable()
export class ReferenceChecks {
  constructor(
    @Inject(MESSAGING) private readonly messaging: Messaging,
    private readonly log: RunLog,
    private readonly resolves: ResolveService,
    private readonly assets: AssetReader,
  ) {}

  /** @throws FerryError what a resolve throws where there is no such route, and UNKNOWN_REFERENCE */
  async check(request: CheckReferenceRequest): Promise<CheckReferenceAnswer> {
    const { checked, origin } = await this.referenceOf(request);
    const { referenceId, routeId } = checked;
    const { state, reason } = await this.ask(checked, request.owner);
    const answer = { referenceId, state, ...(reason === undefined ? {} : { reason }) };
    if (state !== 'gone') return { ...answer, invalidated: false };
    return { ...answer, ...(await (routeId === undefined ? this.loseOrigin(request, origin) : this.invalidate(request, routeId, referenceId))) };
  }

  /**
   * Somebody reports an asset's own reference. That is no upload which could be made again: its provider has the last word.
   * @throws FerryError UNKNOWN_REFERENCE, REFERENCE_LIVES, REFERENCE_STATE_UNKNOWN
   */
  async reportedOrigin(request: InvalidateReferenceRequest): Promise<{ token: Token }> {
    const { owner, assetId, providerId, accountId, referenceId, reason: reported } = request;
    const read = await this.assets.read(assetId);
    const { origin, originLost } = ownedAndLiving(read?.asset, owner);
    if (referenceId !== assetId || origin.providerId !== providerId || (accountId ?? origin.accountId) !== origin.accountId) throw unknownReference();
    if (originLost) return { token: { stream: assetStream(assetId), revision: read!.revision, position: read!.position } };
    const { state, reason } = await this.ask(origin, owner);
    if (state === 'valid') throw lives(providerId);
    if (state === 'unknown') throw unproven(providerId, reason);
    const { token } = await this.loseOrigin(request, origin, reported);
    return { token };
  }

  private async referenceOf(request: CheckReferenceRequest): Promise<{ checked: Checked; origin: Origin }> {
    const { wish, target, known, decision } = await this.resolves.decided({ ...request, minRemainingTtl: 0 });
    const { accountId, asset } = wish;
    if (target.kind === 'none') throw decision.next === 'refuse' ? decision.error : unknownReference();
    const { providerId } = request;
    const found: Checked | undefined =
      target.kind === 'native'
        ? { providerId, accountId, referenceId: target.reference.referenceId, forms: target.reference.forms }
        : known?.state.reference && { providerId, accountId, ...known.state.reference, routeId: target.routeId };
    if (!found || (request.referenceId !== undefined && request.referenceId !== found.referenceId)) throw unknownReference();
    return { checked: found, origin: asset.origin };
  }

  private ask({ providerId, accountId, forms }: Pick<Checked, 'providerId' | 'accountId' | 'forms'>, owner: string): Promise<ReferenceCheck> {
    return lifeOf(this.messaging, providerId, { owner, accountId, forms });
  }

  /** A newer reference than the one that was asked for stays. */
  private async invalidate(request: CheckReferenceRequest, routeId: string, referenceId: string): Promise<{ invalidated: boolean; token: Token }> {
    const { events, token } = await this.log.route(routeId, request, { type: 'InvalidateReference', data: { referenceId, reason: 'gone', reportedBy: request.actor } });
    return { invalidated: events.length > 0, token };
  }

  /** The asset is the catalog's. An origin that was refreshed since it was seen stays. */
  private async loseOrigin({ owner, actor, commandId, assetId }: Asker, { forms, expiresAt }: Origin, reported?: string): Promise<{ invalidated: boolean; token: Token }> {
    const request: LoseOriginRequest = { owner, actor, commandId, assetId, seen: defined({ forms, expiresAt }), reason: 'gone', ...defined({ reported }) };
    const { lost, token } = await this.messaging.request<LoseOriginAnswer>(SUBJECTS.catalog.loseOrigin, request, { timeoutMs: LOSE_MS });
    return { invalidated: lost, token };
  }
}

const unknownReference = (): FerryError =>
  new FerryError('UNKNOWN_REFERENCE', 'not-found', 'The asset has no such reference at this provider now. Resolve to get one, or leave the referenceId out.');

const lives = (providerId: string): FerryError =>
  new FerryError(
    'REFERENCE_LIVES',
    'conflict',
    `${providerId} says that the asset lives there, so its own reference stays. Look at the account and the use that were refused; for another use resolve with that use.`,
  );

const unproven = (providerId: string, reason = 'it says neither'): FerryError =>
  new FerryError(
    'REFERENCE_STATE_UNKNOWN',
    'conflict',
    `${providerId} does not tell whether the asset lives there, so its own reference stays (${reason}). Report it again later; where it is surely gone, register the asset again with a form that lives, or delete it.`,
    { reason },
  );
