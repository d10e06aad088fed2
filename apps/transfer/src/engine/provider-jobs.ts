import { providerSubjects, type JobCommand, type JobFailure, type JobStatus, type ProviderOperation, type StartJobRequest } from '@ferry/contracts';
import { priorityRank, type ErrorCategory, type FerryError, type Priority } from '@ferry/kernel';
import { isSilence, type Messaging } from '@ferry/messaging';
import { stepBoundary, type Logger } from '@ferry/observability';
import { LOGGER, MESSAGING } from '@ferry/service-host';
import { ProviderDirectory } from '@ferry/service-host/providers';
import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as wait } from 'node:timers/promises';
import { gateKey, ProviderGate, type GateCall } from './provider-gate';

const START_MS = 5_000;
const JOIN_WAIT_MS = 2_000;
const JOIN_MS = 3_500;
/** How long nobody may answer for a job, while this process is connected, before it counts as gone. */
const GONE_MS = 3_000;
const ASK_AGAIN_MS = 200;

export type Ended = Extract<JobStatus, { status: 'succeeded' | 'failed' }>;
/** `gone`: nobody answers for the job. That proves nothing of what it did. `connected`: who has it is there, and silent. */
export type JobOutcome = Ended | { readonly status: 'gone'; readonly connected: boolean };

export interface JobTarget {
  readonly providerId: string;
  readonly accountId: string;
  readonly operation: ProviderOperation;
  readonly owner: string;
  readonly runId: string;
  readonly attempt: number;
  readonly priority: Priority;
  /** Where it is known. */
  readonly sizeBytes?: number;
}

type NewJob = Omit<StartJobRequest, 'runId' | 'attempt' | 'accountId'>;

/** Jobs that move bytes at an adapter: started once, joined as often as needed. */
@Injectable()
export class ProviderJobs {
  constructor(
    @Inject(MESSAGING) private readonly messaging: Messaging,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly directory: ProviderDirectory,
    private readonly gate: ProviderGate,
  ) {}

  /**
   * Runs an attempt when its provider may be called. `begin` records the attempt; it is not called while the breaker is
   * open, the adapter is away, or there is no permit.
   * @throws NotYet, FerryError BREAKER_OPEN, THROTTLED, PROVIDER_UNAVAILABLE
   */
  async run(target: JobTarget, begin: () => Promise<NewJob>, signal: AbortSignal): Promise<JobOutcome> {
    const call = this.callOf(target);
    this.gate.check(call);
    await this.reach(target);
    const { rateLimits } = await this.directory.describe(target.providerId);
    return this.gate.pass({ ...call, limits: rateLimits?.[target.operation] ?? {} }, signal, async () => {
      const job = await begin();
      return (await this.start(target, job)) ?? (await this.ended(target, signal));
    });
  }

  /** Waits for the job's end, whoever started it: its permit is this process's from now on. */
  join(target: JobTarget, signal: AbortSignal): Promise<JobOutcome> {
    return this.gate.resume(this.callOf(target), signal, () => this.ended(target, signal));
  }

  private callOf(target: JobTarget): GateCall {
    const { providerId, owner, runId, attempt, priority, sizeBytes } = target;
    const urgency = { rank: priorityRank(priority), urgent: priority === 'resolve' };
    return { providerId, key: gateKey(target), owner, runId, attempt, ...urgency, ...(sizeBytes === undefined ? {} : { sizeBytes }) };
  }

  private async ended({ providerId, runId, attempt }: JobTarget, signal: AbortSignal): Promise<JobOutcome> {
    const subject = providerSubjects(providerId).job(runId, attempt);
    const command: JobCommand = { operation: 'join', waitMs: JOIN_WAIT_MS };
    let silentSince: number | undefined;
    for (;;) {
      signal.throwIfAborted();
      stepBoundary('transfer.before-join');
      try {
        const status = await this.messaging.request<JobStatus>(subject, command, { timeoutMs: JOIN_MS });
        if (status.status !== 'running') return status;
        silentSince = undefined;
      } catch (error) {
        if (!isSilence(error)) throw error;
        silentSince ??= performance.now();
        const heardNothing = performance.now() - silentSince >= GONE_MS && this.messaging.connectedForMs >= GONE_MS;
        if (heardNothing) return { status: 'gone', connected: (error as FerryError).code === 'REQUEST_TIMEOUT' };
        await wait(ASK_AGAIN_MS, undefined, { signal });
      }
    }
  }

  /** An adapter that is away is waited for, before an attempt is spent on it. What else is wrong, the start of the job says. */
  private async reach({ providerId, accountId, owner }: JobTarget): Promise<void> {
    try {
      await this.directory.reach(providerId, owner, accountId);
    } catch (error) {
      if ((error as FerryError).code === 'PROVIDER_UNAVAILABLE') throw error;
      this.logger.info({ err: error, providerId, accountId }, 'the account cannot be used; its job will be refused');
    }
  }

  /** Undefined where the job runs, or may run; else why it does not. */
  private async start(target: JobTarget, job: NewJob): Promise<Ended | undefined> {
    const { providerId, accountId, runId, attempt } = target;
    const request: StartJobRequest = { ...job, accountId, runId, attempt };
    try {
      await this.messaging.request(providerSubjects(providerId).start, request, { timeoutMs: START_MS });
      stepBoundary(target.operation === 'upload' ? 'transfer.after-upload-job-start' : 'transfer.after-download-job-start');
      return undefined;
    } catch (error) {
      const refusal = error as FerryError;
      return refusal.code === 'REQUEST_TIMEOUT' ? undefined : { status: 'failed', jobId: job.jobId, bytes: 0, error: refusalOf(refusal) };
    }
  }
}

/** What a refusal says of the adapter at this moment and not of the job: the next attempt may be taken. */
const PASSING: Partial<Record<ErrorCategory, JobFailure['kind']>> = {
  unavailable: 'unavailable',
  conflict: 'unavailable',
  internal: 'unavailable',
  timeout: 'timeout',
  throttled: 'throttled',
};

/** Why an adapter did not start a job; the vendor has no part in it. */
export const refusalOf = ({ code, category, message }: Pick<FerryError, 'code' | 'category' | 'message'>): JobFailure => {
  const passing = PASSING[category];
  const kind = passing ?? (code === 'UNKNOWN_ACCOUNT' ? 'auth' : 'invalid-request');
  return { kind, message, retryable: passing !== undefined, ours: true, ...(code ? { code } : {}) };
};
