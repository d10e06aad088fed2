import { providerSubjects, type CheckReferenceAnswer, type CheckReferenceRequest, type ReferenceCallRequest, type ReferenceCheck } from '@ferry/contracts';
import { FerryError, type ReferenceForms, type Route, type Token } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import { MESSAGING } from '@ferry/service-host';
import { Inject, Injectable } from '@nestjs/common';
import { RunLog } from '../engine/run-log';
import { ResolveService } from '../resolve/resolve.service';

/** Milliseconds; the adapter gives up before. */
const CHECK_MS = 10_000;
/** What keeps an answer away without saying anything of the reference. */
const SILENCES: ReadonlySet<string> = new Set(['UNSUPPORTED', 'PROVIDER_CALL_FAILED', 'TOO_MANY_CALLS', 'SERVICE_UNAVAILABLE', 'REQUEST_TIMEOUT']);

interface Checked extends Pick<Route, 'providerId' | 'accountId'> {
  readonly referenceId: string;
  readonly forms: ReferenceForms;
  /** Absent: the origin's own. */
  readonly routeId?: string;
}

/** Asks a provider whether a reference still lives. Only what is surely gone is given up. */
@Injectable()
export class ReferenceChecks {
  constructor(
    @Inject(MESSAGING) private readonly messaging: Messaging,
    private readonly log: RunLog,
    private readonly resolves: ResolveService,
  ) {}

  /** @throws FerryError what a resolve throws where there is no such route, and UNKNOWN_REFERENCE */
  async check(request: CheckReferenceRequest): Promise<CheckReferenceAnswer> {
    const checked = await this.referenceOf(request);
    const { referenceId, routeId } = checked;
    const { state, reason } = await this.ask(checked, request.owner);
    const answer = { referenceId, state, ...(reason === undefined ? {} : { reason }) };
    if (state !== 'gone' || routeId === undefined) return { ...answer, invalidated: false };
    return { ...answer, ...(await this.invalidate(request, routeId, referenceId)) };
  }

  private async referenceOf(request: CheckReferenceRequest): Promise<Checked> {
    const { wish, target, known, decision } = await this.resolves.decided({ ...request, minRemainingTtl: 0 });
    const { accountId } = wish;
    if (target.kind === 'none') throw decision.next === 'refuse' ? decision.error : unknownReference();
    const { providerId } = request;
    const found: Checked | undefined =
      target.kind === 'native'
        ? { providerId, accountId, referenceId: target.reference.referenceId, forms: target.reference.forms }
        : known?.state.reference && { providerId, accountId, ...known.state.reference, routeId: target.routeId };
    if (!found || (request.referenceId !== undefined && request.referenceId !== found.referenceId)) throw unknownReference();
    return found;
  }

  private async ask({ providerId, accountId, forms }: Checked, owner: string): Promise<ReferenceCheck> {
    const request: ReferenceCallRequest = { owner, accountId, forms };
    try {
      return await this.messaging.request<ReferenceCheck>(providerSubjects(providerId).checkReference, request, { timeoutMs: CHECK_MS });
    } catch (error) {
      const { code, message } = error as FerryError;
      if (!SILENCES.has(code)) throw error;
      return { state: 'unknown', reason: message };
    }
  }

  /** A newer reference than the one that was asked for stays. */
  private async invalidate(request: CheckReferenceRequest, routeId: string, referenceId: string): Promise<{ invalidated: boolean; token: Token }> {
    const { events, token } = await this.log.route(routeId, request, { type: 'InvalidateReference', data: { referenceId, reason: 'gone', reportedBy: request.actor } });
    return { invalidated: events.length > 0, token };
  }
}

const unknownReference = (): FerryError =>
  new FerryError('UNKNOWN_REFERENCE', 'not-found', 'The asset has no such reference at this provider now. Resolve to get one, or leave the referenceId out.');
