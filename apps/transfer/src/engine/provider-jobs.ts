import { providerSubjects, type JobCommand, type JobFailure, type JobStatus, type StartJobRequest } from '@ferry/contracts';
import type { ErrorCategory, FerryError } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import type { Logger } from '@ferry/observability';
import { Breakers } from '@ferry/resilience';
import { LOGGER, MESSAGING } from '@ferry/service-host';
import { ProviderDirectory } from '@ferry/service-host/providers';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as wait } from 'node:timers/promises';

const START_MS = 5_000;
const JOIN_WAIT_MS = 2_000;
const JOIN_MS = 3_500;
/** How long nobody may answer for a job, while this process is connected, before it counts as gone. */
const GONE_MS = 3_000;
const ASK_AGAIN_MS = 200;

export type Ended = Extract<JobStatus, { status: 'succeeded' | 'failed' }>;
/** `gone`: nobody answers for the job. That proves nothing of what it did. */
export type JobOutcome = Ended | { readonly status: 'gone' };

export interface JobTarget {
  readonly providerId: string;
  readonly accountId: string;
  readonly operation: 'upload' | 'download';
  readonly owner: string;
  readonly runId: string;
  readonly attempt: number;
}

/** Faults of the provider, which open its breaker; a refused file or a wrong key says nothing about the others. */
const FAULTS: ReadonlySet<string> = new Set<JobFailure['kind']>(['unavailable', 'timeout']);

class ProviderFault extends Error {
  constructor(readonly status: Extract<JobStatus, { status: 'failed' }>) {
    super(status.error.message);
  }
}

/** Jobs that move bytes at an adapter: started once, joined as often as needed. */
@Injectable()
export class ProviderJobs implements OnModuleDestroy {
  private readonly breakers = new Breakers({ resetMs: 5_000, errorThresholdPercentage: 50, volumeThreshold: 5, timeoutMs: false });

  constructor(
    @Inject(MESSAGING) private readonly messaging: Messaging,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly directory: ProviderDirectory,
  ) {}

  onModuleDestroy(): void {
    this.breakers.close();
  }

  /**
   * Runs an attempt behind the breaker of its provider, account and operation. `begin` records the attempt; it is not
   * called while the breaker is open or the adapter is away.
   * @throws FerryError BREAKER_OPEN, PROVIDER_UNAVAILABLE
   */
  async run(target: JobTarget, begin: () => Promise<Omit<StartJobRequest, 'runId' | 'attempt' | 'accountId'>>, signal: AbortSignal): Promise<JobOutcome> {
    const attempt = async (): Promise<JobOutcome> => {
      const job = await begin();
      const refused = await this.start(target, job);
      const outcome = refused ?? (await this.join(target, signal));
      if (outcome.status === 'failed' && FAULTS.has(outcome.error.kind)) throw new ProviderFault(outcome);
      return outcome;
    };
    const { providerId, accountId, operation } = target;
    await this.reach(target);
    try {
      return await this.breakers.run(`${providerId}.${accountId}.${operation}`, attempt, (error) => error instanceof ProviderFault);
    } catch (error) {
      if (error instanceof ProviderFault) return error.status;
      throw error;
    }
  }

  /** Waits for the job's end, whoever started it. */
  async join({ providerId, runId, attempt }: JobTarget, signal: AbortSignal): Promise<JobOutcome> {
    const subject = providerSubjects(providerId).job(runId, attempt);
    const command: JobCommand = { operation: 'join', waitMs: JOIN_WAIT_MS };
    let silentSince: number | undefined;
    for (;;) {
      signal.throwIfAborted();
      try {
        const status = await this.messaging.request<JobStatus>(subject, command, { timeoutMs: JOIN_MS });
        if (status.status !== 'running') return status;
        silentSince = undefined;
      } catch (error) {
        if (!isSilence(error)) throw error;
        silentSince ??= performance.now();
        const heardNothing = performance.now() - silentSince >= GONE_MS && this.messaging.connectedForMs >= GONE_MS;
        if (heardNothing) return { status: 'gone' };
        await wait(ASK_AGAIN_MS, undefined, { signal });
      }
    }
  }

  /** An adapter that is away is waited for, before an attempt is spent on it. What else is wrong, the start of the job says. */
  private async reach({ providerId, accountId, owner }: JobTarget): Promise<void> {
    try {
      await this.directory.authorize(providerId, owner, accountId);
    } catch (error) {
      if ((error as FerryError).code === 'PROVIDER_UNAVAILABLE') throw error;
      this.logger.info({ err: error, providerId, accountId }, 'the account cannot be used; its job will be refused');
    }
  }

  /** Undefined where the job runs, or may run; else why it does not. */
  private async start(target: JobTarget, job: Omit<StartJobRequest, 'runId' | 'attempt' | 'accountId'>): Promise<Ended | undefined> {
    const { providerId, accountId, runId, attempt } = target;
    const request: StartJobRequest = { ...job, accountId, runId, attempt };
    try {
      await this.messaging.request(providerSubjects(providerId).start, request, { timeoutMs: START_MS });
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

/** Why an adapter did not start a job. */
export const refusalOf = ({ code, category, message }: Pick<FerryError, 'code' | 'category' | 'message'>): JobFailure => {
  const passing = PASSING[category];
  const kind = passing ?? (code === 'UNKNOWN_ACCOUNT' ? 'auth' : 'invalid-request');
  return { kind, message, retryable: passing !== undefined, ...(code ? { code } : {}) };
};

const isSilence = (error: unknown): boolean => ['SERVICE_UNAVAILABLE', 'REQUEST_TIMEOUT'].includes((error as FerryError).code);
