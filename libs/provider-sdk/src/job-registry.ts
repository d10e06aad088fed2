import type { CachedFile, JobFailure, JobProgress, JobStatus, UploadResult } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import { Cancelled } from './http-errors';
import { JobError } from './job-error';
import { ProviderError } from './provider-error';
import { RateMeter } from './rate-meter';

export type JobResult = { readonly upload: UploadResult } | { readonly download: CachedFile };

export interface JobRequest {
  readonly runId: string;
  readonly attempt: number;
  readonly jobId: string;
  /** Milliseconds from now until it is given up. */
  readonly timeoutMs: number;
}

export interface JobContext {
  readonly signal: AbortSignal;
  /** How many bytes there are in all, once that is known. */
  readonly onTotal: (bytes: number) => void;
  readonly onBytes: (count: number) => void;
}

export interface JobRegistryOptions {
  /** More running jobs are refused. */
  readonly maxRunning: number;
  /** Ended jobs beyond this number are forgotten early, the oldest first. */
  readonly maxRemembered: number;
  /** How long the end of a job can be asked for, in milliseconds. */
  readonly rememberMs: number;
  /** Told once a job is forgotten. */
  readonly onForgotten?: (job: Job) => void;
  /** Told of an error that is neither the vendor's nor the job's own. */
  readonly onUnexpected: (error: unknown, job: Job) => void;
}

const failureOf = (error: unknown): JobFailure | undefined => {
  if (error instanceof JobError) return error.failure;
  if (error instanceof Cancelled) return { kind: 'cancelled', message: 'The job was cancelled.', retryable: false };
  if (!(error instanceof ProviderError)) return undefined;
  const { kind, message, retryable, retryAfterMs, code } = error;
  const ours = code === STOPPED ? { ours: true as const } : {};
  return { kind, message, retryable, ...ours, ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...(code === undefined ? {} : { code }) };
};

const STOPPED = 'ADAPTER_STOPPED';
const CLOSE_MS = 3_000;

const UNEXPECTED: JobFailure = { kind: 'unavailable', code: 'INTERNAL', message: 'The adapter failed. Its log has the cause.', retryable: true, ours: true };

/** One attempt of a run, from its start until it is forgotten. */
export class Job {
  private bytes = 0;
  private totalBytes: number | undefined;
  private readonly rate = new RateMeter(performance.now());
  private outcome: JobResult | JobFailure | undefined;
  private readonly stop = new AbortController();
  readonly ended: Promise<void>;

  constructor(
    readonly request: JobRequest,
    work: (context: JobContext) => Promise<JobResult>,
    onUnexpected: (error: unknown, job: Job) => void,
  ) {
    const deadline = setTimeout(() => this.stop.abort(new ProviderError('timeout', 'The deadline passed.')), Math.max(1, request.timeoutMs));
    this.ended = work({ signal: this.stop.signal, onBytes: (count) => (this.bytes += count), onTotal: (bytes) => (this.totalBytes = bytes) })
      .then(
        (result) => {
          this.outcome = result;
        },
        (error: unknown) => {
          const failure = failureOf(error);
          if (!failure) onUnexpected(error, this);
          this.outcome = failure ?? UNEXPECTED;
        },
      )
      .finally(() => clearTimeout(deadline));
  }

  get status(): JobStatus {
    const base = { jobId: this.request.jobId, bytes: this.bytes };
    if (!this.outcome) return { ...base, status: 'running' };
    if ('upload' in this.outcome) return { ...base, status: 'succeeded', upload: this.outcome.upload };
    if ('download' in this.outcome) return { ...base, status: 'succeeded', download: this.outcome.download };
    return { ...base, status: 'failed', error: this.outcome };
  }

  /** How far it is, and how fast since the last readings. */
  progress(): JobProgress {
    const { bytes, totalBytes, request } = this;
    const rate = this.rate.read(bytes, performance.now());
    const eta = totalBytes === undefined || rate <= 0 ? {} : { etaSeconds: round(Math.max(0, totalBytes - bytes) / rate) };
    return { runId: request.runId, attempt: request.attempt, bytes, ...(totalBytes === undefined ? {} : { totalBytes }), bytesPerSecond: Math.round(rate), ...eta };
  }

  /** The status at the end, or after so many milliseconds. */
  async join(waitMs: number): Promise<JobStatus> {
    if (this.outcome || waitMs === 0) return this.status;
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise<void>((done) => (timer = setTimeout(done, waitMs)));
    await Promise.race([this.ended, waited]);
    clearTimeout(timer);
    return this.status;
  }

  /** Breaks the job off; a job that has ended stays as it ended. */
  cancel(waitMs: number, reason: Error = new Cancelled('cancelled')): Promise<JobStatus> {
    this.stop.abort(reason);
    return this.join(waitMs);
  }
}

/** The jobs of one adapter process: those under way, and those that ended a short while ago. */
export class JobRegistry {
  private readonly jobs = new Map<string, Job>();
  private readonly forgetting = new Map<Job, NodeJS.Timeout>();

  constructor(private readonly options: JobRegistryOptions) {}

  /**
   * Starts the work, or joins what runs (or ran) already for the same run, attempt and jobId.
   * @throws FerryError JOB_CONFLICT another job has that attempt; TOO_MANY_JOBS
   */
  start(request: JobRequest, work: (context: JobContext) => Promise<JobResult>): Job {
    const key = keyOf(request.runId, request.attempt);
    const existing = this.jobs.get(key);
    if (existing?.request.jobId === request.jobId) return existing;
    if (existing) throw new FerryError('JOB_CONFLICT', 'conflict', 'Another job works, or worked, on this attempt. Start the next attempt.');
    if (this.running >= this.options.maxRunning) {
      throw new FerryError('TOO_MANY_JOBS', 'throttled', `The adapter runs ${this.options.maxRunning} jobs already. Try again later.`);
    }
    const job = new Job(request, work, this.options.onUnexpected);
    this.jobs.set(key, job);
    void job.ended.then(() => this.remember(job));
    return job;
  }

  find(runId: string, attempt: number): Job | undefined {
    return this.jobs.get(keyOf(runId, attempt));
  }

  get running(): number {
    return this.jobs.size - this.forgetting.size;
  }

  /** The jobs that have not ended. */
  underWay(): Job[] {
    return [...this.jobs.values()].filter((job) => !this.forgetting.has(job));
  }

  /** Cancels what runs, waits for its end, forgets everything. */
  async close(): Promise<void> {
    const stopping = new ProviderError('unavailable', 'The adapter was stopped.', { code: STOPPED });
    await Promise.all([...this.jobs.values()].map((job) => job.cancel(CLOSE_MS, stopping)));
    for (const job of [...this.jobs.values()]) this.forget(job);
  }

  private remember(job: Job): void {
    this.forgetting.set(job, setTimeout(() => this.forget(job), this.options.rememberMs).unref());
    const [oldest] = this.forgetting.keys();
    if (oldest && this.forgetting.size > this.options.maxRemembered) this.forget(oldest);
  }

  private forget(job: Job): void {
    clearTimeout(this.forgetting.get(job));
    this.forgetting.delete(job);
    if (this.jobs.delete(keyOf(job.request.runId, job.request.attempt))) this.options.onForgotten?.(job);
  }
}

const round = (seconds: number): number => Math.round(seconds * 10) / 10;

const keyOf = (runId: string, attempt: number): string => `${runId}/${attempt}`;
