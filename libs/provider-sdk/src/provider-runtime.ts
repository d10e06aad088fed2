import { acceptedSubject, JobCommand, jobProgressSubject, providerSubjects, releaseSubject, type AcceptedAnswer, type AcceptedRequest, type JobStatus, type ReleaseAnswer, type StartJobRequest } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import type { Listener, Messaging } from '@ferry/messaging';
import { stepBoundary, type Logger } from '@ferry/observability';
import type { AccountRegistry } from './account-registry';
import type { DataPlane } from './data-plane';
import type { HttpClient } from './http-client';
import { type Job, JobRegistry } from './job-registry';
import { workOf } from './job-work';
import type { ProviderAdapter } from './provider-adapter';
import { SmallCalls } from './small-calls';

const MAX_RUNNING = 64;
const MAX_REMEMBERED = 5_000;
const REMEMBER_MS = 600_000;
const MAX_JOB_MS = 6 * 3_600_000;
/** Milliseconds between two notices of a job's progress. */
const PROGRESS_MS = 200;
const ASK_OTHERS_MS = 2_000;
const ASK_RELEASE_MS = 5_000;

export interface RuntimeParts {
  readonly providerId: string;
  readonly adapter: ProviderAdapter;
  readonly accounts: AccountRegistry;
  readonly http: HttpClient;
  readonly dataPlane: DataPlane;
  readonly messaging: Messaging;
  readonly logger: Logger;
}

/** One adapter process: its jobs, each with a subject of its own while it runs and for 10 minutes after. */
export class ProviderRuntime {
  readonly calls: SmallCalls;
  private readonly subjects;
  private readonly jobs: JobRegistry;
  private readonly telling: NodeJS.Timeout;
  private readonly listeners = new Map<Job, Listener>();

  constructor(readonly parts: RuntimeParts) {
    this.subjects = providerSubjects(parts.providerId);
    this.calls = new SmallCalls(parts.adapter, parts.accounts);
    this.jobs = new JobRegistry({
      maxRunning: MAX_RUNNING,
      maxRemembered: MAX_REMEMBERED,
      rememberMs: REMEMBER_MS,
      onForgotten: (job) => this.stopListening(job),
      onUnexpected: (error, { request }) => parts.logger.error({ err: error, runId: request.runId, attempt: request.attempt }, 'a job failed'),
    });
    this.telling = setInterval(() => this.tell(), PROGRESS_MS).unref();
  }

  /**
   * Starts a job, or joins it here or in another replica; answers when it can be asked under its own subject.
   * @throws FerryError VALIDATION_FAILED, UNSUPPORTED, UNKNOWN_ACCOUNT, JOB_CONFLICT, TOO_MANY_JOBS
   */
  async start(request: StartJobRequest): Promise<JobStatus> {
    const { runId, attempt, jobId } = request;
    const account = this.parts.accounts.find(request.owner, request.accountId);
    const work = workOf(request, account, { ...this.parts, askRelease: (question) => this.askRelease(question), tellAccepted: (news) => this.tellAccepted(news) });
    const elsewhere = this.jobs.find(runId, attempt) ? undefined : await this.askOthers(request);
    if (elsewhere) return elsewhere;

    stepBoundary('provider.job-taken');
    let listening: Promise<void> | undefined;
    const timeoutMs = Math.min(Date.parse(request.deadlineAt) - Date.now(), MAX_JOB_MS);
    const job = this.jobs.start({ runId, attempt, jobId, timeoutMs }, async (context) => {
      // Started in the same turn in which the registry knows the job, so that a second start finds it.
      await (listening = Promise.resolve().then(() => this.listen(job)));
      stepBoundary('provider.job-listening');
      return work(context);
    });
    await (listening ?? this.parts.messaging.flush());
    return job.status;
  }

  get ready(): true | string {
    return this.jobs.running < MAX_RUNNING || 'all job slots are taken';
  }

  async close(): Promise<void> {
    clearInterval(this.telling);
    await this.jobs.close();
    await this.parts.dataPlane.close();
    await this.parts.http.close();
  }

  private tell(): void {
    for (const job of this.jobs.underWay()) this.parts.messaging.publish(jobProgressSubject(job.request.runId), job.progress());
  }

  private async listen(job: Job): Promise<void> {
    const { runId, attempt } = job.request;
    const subject = this.subjects.job(runId, attempt);
    const answer = ({ operation, waitMs }: JobCommand): Promise<JobStatus> => (operation === 'cancel' ? job.cancel(waitMs) : job.join(waitMs));
    this.listeners.set(job, this.parts.messaging.respond(subject, JobCommand, answer));
    await this.parts.messaging.flush();
  }

  private stopListening(job: Job): void {
    this.listeners.get(job)?.close();
    this.listeners.delete(job);
  }

  /** The queue group gives a repeated start to any replica: the one that has the job answers for it. */
  private async askOthers({ runId, attempt, jobId }: StartJobRequest): Promise<JobStatus | undefined> {
    const command: JobCommand = { operation: 'join', waitMs: 0 };
    try {
      const status = await this.parts.messaging.request<JobStatus>(this.subjects.job(runId, attempt), command, { timeoutMs: ASK_OTHERS_MS });
      if (status.jobId === jobId) return status;
    } catch (error) {
      // Nobody listens there: the job runs nowhere.
      if ((error as FerryError).code === 'SERVICE_UNAVAILABLE' && this.parts.messaging.connected) return undefined;
      throw error;
    }
    throw new FerryError('JOB_CONFLICT', 'conflict', 'Another job works, or worked, on this attempt. Start the next attempt.');
  }

  private askRelease(question: { readonly transferId: string }): Promise<ReleaseAnswer> {
    return this.parts.messaging.request<ReleaseAnswer>(releaseSubject(question.transferId), question, { timeoutMs: ASK_RELEASE_MS });
  }

  private tellAccepted(news: AcceptedRequest): Promise<AcceptedAnswer> {
    return this.parts.messaging.request<AcceptedAnswer>(acceptedSubject(news.transferId), news, { timeoutMs: ASK_RELEASE_MS });
  }
}
