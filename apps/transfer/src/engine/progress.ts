import { downloadProgressSubject, JOB_PROGRESS_SUBJECT, transferProgressSubject, TRANSFER_PROGRESS_SUBJECT, type JobProgress, type RunProgress } from '@ferry/contracts';
import type { Listener, Messaging } from '@ferry/messaging';
import { MESSAGING } from '@ferry/service-host';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { RunKind } from './open-runs';

/** Milliseconds between two messages: more than four a second, also on a busy machine. */
const TELL_MS = 200;
/** Milliseconds after which what was heard counts no more: who told it has ended, or is gone. */
const HEARD_MS = 2_000;
/** More than the jobs and runs of a large deployment at one time; beyond, the oldest news is dropped. */
const MAX_HEARD = 20_000;

interface Told {
  readonly kind: RunKind;
  readonly step: RunProgress['step'];
  readonly attempt: number;
  /** Whose bytes these are: the run's own job, or the download that a transfer waits for. */
  readonly job: string;
}

/** The last news by id, bounded in number and age. */
class Heard<T> {
  private readonly news = new Map<string, { readonly value: T; readonly at: number }>();

  put(id: string, value: T): void {
    this.news.delete(id);
    this.news.set(id, { value, at: performance.now() });
    const [oldest] = this.news.keys();
    if (oldest !== undefined && (this.news.size > MAX_HEARD || this.get(oldest) === undefined)) this.news.delete(oldest);
  }

  get(id: string): T | undefined {
    const found = this.news.get(id);
    return found && performance.now() - found.at <= HEARD_MS ? found.value : undefined;
  }
}

/**
 * Where running transfers and downloads stand. Who works on a run tells it, with what the adapter says of the job's bytes; every replica
 * hears of all transfers, so that each can be asked. Nothing of it is kept.
 */
@Injectable()
export class Progress implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly runs = new Map<string, Told>();
  private readonly jobs = new Heard<JobProgress>();
  private readonly transfers = new Heard<RunProgress>();
  private listeners: Listener[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(@Inject(MESSAGING) private readonly messaging: Messaging) {}

  onApplicationBootstrap(): void {
    this.listeners = [
      this.messaging.subscribe<JobProgress>(JOB_PROGRESS_SUBJECT, (job) => this.jobs.put(job.runId, job)),
      this.messaging.subscribe<RunProgress>(TRANSFER_PROGRESS_SUBJECT, (progress) => this.transfers.put(progress.runId, progress)),
    ];
    this.timer = setInterval(() => this.tell(), TELL_MS);
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
    for (const listener of this.listeners) listener.close();
  }

  /** This process works on the run. */
  at(runId: string, told: Omit<Told, 'job'> & { readonly job?: string }): void {
    this.runs.set(runId, { job: runId, ...told });
  }

  left(runId: string): void {
    this.runs.delete(runId);
  }

  /** Of a transfer that somebody works on now. */
  of(transferId: string): RunProgress | undefined {
    return this.transfers.get(transferId);
  }

  private tell(): void {
    for (const [runId, { kind, step, attempt, job }] of this.runs) {
      const heard = this.jobs.get(job);
      const bytes = heard && (job !== runId || heard.attempt === attempt) ? figures(heard) : {};
      const progress: RunProgress = { runId, step, attempt, at: new Date().toISOString(), ...bytes };
      if (kind === 'transfer') this.messaging.publish(transferProgressSubject(runId), progress);
      else this.messaging.publish(downloadProgressSubject(runId), progress);
    }
  }
}

const figures = ({ runId: _, attempt: __, ...bytes }: JobProgress): Omit<JobProgress, 'runId' | 'attempt'> => bytes;
