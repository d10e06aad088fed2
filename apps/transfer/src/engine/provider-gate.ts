import { isProviderFault, PROVIDER_ERROR_KINDS } from '@ferry/contracts';
import type { PermitCounts, PermitLimits, Permits } from '@ferry/coordination';
import { SOURCE_BROKEN } from '@ferry/domain/transfer';
import { FerryError } from '@ferry/kernel';
import { Breakers, RetryBudget, type BreakerState, type Evidence } from '@ferry/resilience';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { PERMITS, TransferConfig } from '../transfer.config';
import { NotYet } from './not-yet';
import type { JobOutcome, JobTarget } from './provider-jobs';
import { Slots } from './slots';

/** A retry that has no budget now looks again after a time between these two, in milliseconds. */
const NO_BUDGET_MS = { least: 1_000, spread: 4_000 };
/** Who waits for room in a line that is full hears of it earlier. */
const FULL_MS = 300_000;

export interface GateCall {
  readonly providerId: string;
  /** Provider, account and operation. */
  readonly key: string;
  readonly owner: string;
  readonly runId: string;
  readonly attempt: number;
  /** The highest goes first. */
  readonly rank: number;
  /** May use the permits that are kept for resolves. */
  readonly urgent: boolean;
  readonly sizeBytes?: number;
}

const full = (key: string): NotYet => new NotYet(new Date(Date.now() + FULL_MS).toISOString(), `Too many calls wait for ${key}.`, key);
/** What has a breaker and permits of its own. */
export const gateKey = ({ providerId, accountId, operation }: Pick<JobTarget, 'providerId' | 'accountId' | 'operation'>): string => `${providerId}.${accountId}.${operation}`;

/** An adapter or the cache was lost, not the provider. */
const isOurs = (outcome: JobOutcome): boolean =>
  outcome.status === 'gone' || (outcome.status === 'failed' && (outcome.error.ours === true || outcome.error.kind === SOURCE_BROKEN));

const KINDS_OF_PROVIDERS: ReadonlySet<string> = new Set(PROVIDER_ERROR_KINDS);

/** A call that was lost, or that ended in Ferry's own parts, is no sign of a provider in good health. */
const evidenceOf = (outcome: JobOutcome): Evidence => {
  if (outcome.status === 'succeeded') return 'answers';
  if (isOurs(outcome) || outcome.status === 'gone' || !KINDS_OF_PROVIDERS.has(outcome.error.kind)) return undefined;
  return isProviderFault(outcome.error) ? 'fault' : 'answers';
};

const permitId = ({ runId, attempt }: GateCall): string => `${runId}.${attempt}`;

/** What stands between a run and its provider: the breaker, the budget of retries, and, last of all, the permit. */
@Injectable()
export class ProviderGate implements OnModuleDestroy {
  private readonly breakers: Breakers;
  private readonly retries: RetryBudget;
  /** The calls that wait for a permit, by run. */
  private readonly waiting = new Map<string, GateCall>();
  /** Runs whose last attempt broke off in Ferry's own parts: the next one is no retry to the provider. */
  private readonly brokenByUs = new Set<string>();
  private onAttempt: (call: GateCall, outcome: JobOutcome) => void = () => undefined;

  constructor(
    config: TransferConfig,
    @Inject(PERMITS) private readonly permits: Permits,
    private readonly slots: Slots,
  ) {
    const { TRANSFER_BREAKER_PAUSE_MS: resetMs, TRANSFER_BREAKER_CALLS: volumeThreshold } = config;
    this.breakers = new Breakers({ resetMs, errorThresholdPercentage: 50, volumeThreshold });
    this.retries = new RetryBudget(config.TRANSFER_RETRIES_PER_MINUTE);
  }

  onModuleDestroy(): void {
    this.breakers.close();
    this.permits.stop();
  }

  /** `onRoom`: one more of those that wait for the key's permits may come, of this rank or a higher one. `onAttempt`: how each attempt ended. */
  listen({ onRoom, onAttempt }: { onRoom: (key: string, leastRank: number) => void; onAttempt: (call: GateCall, outcome: JobOutcome) => void }): void {
    this.permits.listen(onRoom);
    this.onAttempt = onAttempt;
  }

  /** ISO date before which calls of the key are not let through, as far as this process knows. */
  pausedUntil(key: string): string | undefined {
    return this.breakers.openUntil(key) ?? this.permits.closedUntil(key);
  }

  /** A run that may wait for a permit became more urgent. */
  raise(runId: string, rank: number, urgent: boolean): void {
    const call = this.waiting.get(runId);
    if (call && call.rank < rank) this.permits.raise(call.key, permitId(call), rank, urgent);
  }

  /** @throws FerryError BREAKER_OPEN; NotYet where there are too many retries at this provider */
  check(call: GateCall): void {
    this.breakers.check(call.key);
    this.checkBudget(call);
  }

  /** Makes the call with a permit. @throws FerryError BREAKER_OPEN, THROTTLED; NotYet */
  async pass(call: GateCall & { readonly limits: PermitLimits }, signal: AbortSignal, work: () => Promise<JobOutcome>): Promise<JobOutcome> {
    await this.permit(call, signal);
    return this.holding(call, signal, () => this.attempt(call, work));
  }

  /** Goes on with a call that is under way. */
  resume(call: GateCall, signal: AbortSignal, work: () => Promise<JobOutcome>): Promise<JobOutcome> {
    this.permits.adopt(call.key, permitId(call));
    return this.holding(call, signal, work);
  }

  /** A run that has ended. */
  forget(runId: string): void {
    this.brokenByUs.delete(runId);
  }

  breakerStates(): { readonly key: string; readonly state: BreakerState }[] {
    return this.breakers.states();
  }

  permitCounts(): PermitCounts[] {
    return this.permits.counts();
  }

  private async permit(call: GateCall & { readonly limits: PermitLimits }, signal: AbortSignal): Promise<void> {
    if (!call.urgent && !this.slots.mayWait) throw full(call.key);
    this.waiting.set(call.runId, call);
    try {
      await this.slots.wait(call.runId, () => this.permits.acquire({ ...call, id: permitId(call) }, signal));
    } catch (error) {
      if ((error as FerryError).code !== 'PERMITS_BUSY') throw error;
      throw full(call.key);
    } finally {
      this.waiting.delete(call.runId);
    }
  }

  /** The permit goes back when the call has ended; one that is left under way takes it along to the next worker. */
  private async holding(call: GateCall, signal: AbortSignal, work: () => Promise<JobOutcome>): Promise<JobOutcome> {
    const { key } = call;
    try {
      const outcome = await work();
      await this.learn(call, outcome);
      return outcome;
    } finally {
      if (signal.aborted) this.permits.abandon(key, permitId(call));
      else await this.permits.release(key, permitId(call));
    }
  }

  private async learn(call: GateCall, outcome: JobOutcome): Promise<void> {
    this.onAttempt(call, outcome);
    if (isOurs(outcome)) this.brokenByUs.add(call.runId);
    else if (outcome.status === 'failed' && outcome.error.retryAfterMs !== undefined) await this.permits.close(call.key, outcome.error.retryAfterMs);
  }

  private checkBudget(call: GateCall): void {
    if (!this.isRetry(call) || this.retries.allows(call.providerId)) return;
    const ms = NO_BUDGET_MS.least + Math.random() * NO_BUDGET_MS.spread;
    throw new NotYet(new Date(Date.now() + ms).toISOString(), `There were many retries at ${call.providerId} within the last minute.`);
  }

  private isRetry({ runId, attempt }: GateCall): boolean {
    return attempt > 1 && !this.brokenByUs.has(runId);
  }

  private attempt(call: GateCall, work: () => Promise<JobOutcome>): Promise<JobOutcome> {
    const { key, providerId, runId } = call;
    const counted = (): Promise<JobOutcome> => {
      // Others may have used the budget up while this one waited for its permit.
      this.checkBudget(call);
      this.retries.count(providerId, this.isRetry(call));
      this.brokenByUs.delete(runId);
      return work();
    };
    return this.breakers.run(key, counted, evidenceOf);
  }
}
