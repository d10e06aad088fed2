import { SUBJECTS, type ResolveAnswer, type ResolveRequest } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import { toFerryError, type Messaging } from '@ferry/messaging';
import { singleflight, withDeadline } from '@ferry/resilience';
import { MESSAGING } from '@ferry/service-host';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { GatewayConfig } from '../gateway.config';
import { ANSWER_MS, Services } from '../services';
import { Bell } from './bell';
import { RouteNotices } from './route-notices';

/** Milliseconds after which a waiter asks again although nothing was heard: notices can be lost. */
const ASK_AGAIN_MS = 5_000;
/** The same while the transfer service does not answer. */
const RETRY_MS = 1_000;

type Pending = Extract<ResolveAnswer, { status: 'pending' }>;

/** getAssetForProvider for callers that want to wait for the outcome. Who leaves changes nothing: the run goes on. */
@Injectable()
export class ReferenceWaiter implements OnModuleDestroy {
  private waiters = 0;
  private readonly closing = new AbortController();
  private readonly notices: RouteNotices;
  /** What a crowd wants to know at the same moment is asked once. */
  private readonly questions = singleflight<ResolveAnswer>();

  constructor(
    private readonly services: Services,
    private readonly config: GatewayConfig,
    @Inject(MESSAGING) messaging: Messaging,
  ) {
    this.notices = new RouteNotices(messaging);
  }

  /**
   * The reference, or `pending` when `waitMs` are over, the client has gone or the gateway stops.
   * @throws FerryError TOO_MANY_WAITERS before anything is asked; the transfer service's refusal; the outcome of a run that failed
   */
  async resolve(request: ResolveRequest, waitMs: number, gone: AbortSignal): Promise<ResolveAnswer> {
    const until = performance.now() + waitMs;
    if (!waitMs) return this.ask(request, ANSWER_MS);
    this.enter();
    try {
      const first = await this.ask(request, ANSWER_MS);
      return first.status === 'ready' ? first : await this.outcome(request, first, until, AbortSignal.any([gone, this.closing.signal]));
    } finally {
      this.waiters -= 1;
    }
  }

  onModuleDestroy(): void {
    this.closing.abort();
    this.notices.close();
  }

  private async outcome(request: ResolveRequest, pending: Pending, until: number, stopped: AbortSignal): Promise<ResolveAnswer> {
    const bell = new Bell();
    const following = this.notices.follow(pending.routeId, bell.ring);
    const again = { ...request, awaiting: pending.transferId };
    const { owner, assetId, providerId, atLeast } = request;
    const question = JSON.stringify([owner, assetId, providerId, pending.transferId, atLeast]);
    const left = () => Math.ceil(until - performance.now());
    try {
      while (left() > 0 && !stopped.aborted) {
        const answer = await this.askAgain(again, `${question} ${following.moment}`, Math.min(left(), ASK_AGAIN_MS));
        if (answer?.status === 'ready') return answer;
        await bell.heard(Math.min(left(), answer ? ASK_AGAIN_MS : RETRY_MS), stopped);
      }
      return pending;
    } finally {
      following.close();
    }
  }

  /** Undefined while the outcome cannot be had: the transfer service restarts or is busy, and the run goes on without us. */
  private async askAgain(request: ResolveRequest, question: string, timeoutMs: number): Promise<ResolveAnswer | undefined> {
    try {
      return await withDeadline(this.questions(question, () => this.ask(request, ASK_AGAIN_MS)), timeoutMs, 'Asking for the outcome');
    } catch (error) {
      const { category } = toFerryError(error);
      if (category === 'unavailable' || category === 'timeout') return undefined;
      throw error;
    }
  }

  private ask(request: ResolveRequest, timeoutMs: number): Promise<ResolveAnswer> {
    return this.services.ask<ResolveAnswer>(SUBJECTS.transfer.resolve, request, timeoutMs);
  }

  private enter(): void {
    if (this.waiters >= this.config.GATEWAY_MAX_WAITERS) {
      const told = 'Too many calls wait here now. Ask without "Prefer: wait" and look at the transfer, or try again later.';
      throw new FerryError('TOO_MANY_WAITERS', 'unavailable', told, { retryAfterMs: 1_000 });
    }
    this.waiters += 1;
  }
}
