import type { CachedFile } from '@ferry/contracts';
import { downloadDefinition, downloadStream, isOpenDownload, priorityOf, type ClaimedDownload } from '@ferry/domain/download';
import type { EventStore } from '@ferry/event-store';
import { defined, FerryError, parseRunId, unreachable } from '@ferry/kernel';
import { stepBoundary } from '@ferry/observability';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { AssetReader, type AssetForTransfer } from '../assets/asset-reader';
import { TransferConfig } from '../transfer.config';
import { attemptFailure, lostAttempt } from './attempts';
import { CacheClient } from './cache-client';
import { Cancellation } from './cancellation';
import { isMine, type Claim } from './claim';
import { Copies, type Account, type Source } from './copies';
import { NotYet } from './not-yet';
import { highest } from './open-runs';
import { Progress } from './progress';
import { ProviderJobs, type JobOutcome, type JobTarget } from './provider-jobs';
import { RunIndex } from './run-index';
import { RunLog } from './run-log';

/** What the cache says before any byte moves that trying again does not change. */
const CACHE_REFUSALS: Readonly<Record<string, string>> = { CACHE_FULL: 'cache-full', EXCEEDS_CACHE: 'exceeds-cache' };

interface Step {
  readonly claim: Claim;
  readonly run: ClaimedDownload;
  readonly asset: AssetForTransfer;
  readonly signal: AbortSignal;
}

/** Brings an asset's bytes into the cache: each turn reads the stream and does what comes next. */
@Injectable()
export class DownloadDriver {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly assets: AssetReader,
    private readonly cache: CacheClient,
    private readonly copies: Copies,
    private readonly jobs: ProviderJobs,
    private readonly index: RunIndex,
    private readonly log: RunLog,
    private readonly cancellation: Cancellation,
    private readonly progress: Progress,
    private readonly config: TransferConfig,
  ) {}

  /** Until the run has ended or is another worker's. */
  async drive(claim: Claim, signal: AbortSignal): Promise<void> {
    const { subjectId: assetId } = parseRunId(claim.runId)!;
    try {
      for (;;) {
        signal.throwIfAborted();
        const { state } = await this.store.load(downloadDefinition, downloadStream(assetId));
        const { run } = state;
        if (!isOpenDownload(run) || run.downloadId !== claim.runId || run.status === 'requested' || !isMine(claim, run)) return;
        stepBoundary('transfer.download-turn');
        const isUnderWay = run.status === 'downloading';
        this.progress.at(claim.runId, { kind: 'download', step: isUnderWay ? 'downloading' : 'preparing', attempt: isUnderWay ? run.attempt : run.attempt + 1 });
        const asset = await this.assets.find(assetId);
        if (!asset || asset.deleted) await this.append(claim, { type: 'CancelDownload', data: { downloadId: claim.runId } });
        else await this.turn({ claim, run, asset, signal });
      }
    } finally {
      this.progress.left(claim.runId);
    }
  }

  async fail(claim: Claim, kind: string, message: string): Promise<void> {
    await this.append(claim, { type: 'FailDownload', data: { downloadId: claim.runId, epoch: claim.epoch, kind, message } });
  }

  /** The run ended elsewhere while this worker was at it. */
  tidy(claim: Claim): Promise<void> {
    return this.cancellation.tidyDownload(claim);
  }

  private async turn(step: Step): Promise<void> {
    const { claim, run } = step;
    switch (run.status) {
      case 'claimed':
        return this.attempt(step);
      case 'waiting':
        if (run.attempt >= this.config.TRANSFER_ATTEMPTS) return this.fail(claim, run.kind, run.message);
        if (!run.retryable && !(await this.next(step))) return;
        NotYet.check(run.retryAt, 'The next attempt has its time.');
        return this.attempt(step);
      case 'downloading':
        return this.join(step, run, await this.copies.accountOf(step.asset, run.source));
      default:
        return unreachable(run);
    }
  }

  private async join(step: Step, { attempt }: ClaimedDownload, account: Account): Promise<void> {
    await this.settle(step, attempt, await this.jobs.join(this.target(step, attempt, account), step.signal), performance.now());
  }

  /** Undefined: no copy is left, and the run has ended with that. */
  private async next({ claim, run, asset }: Step): Promise<Source | undefined> {
    const next = await this.copies.next(asset, run);
    if ('source' in next) return next.source;
    await this.fail(claim, next.failure.kind, next.failure.message);
    return undefined;
  }

  private target({ claim, run, asset }: Step, attempt: number, { providerId, accountId }: Account): JobTarget {
    const { sizeBytes } = asset.facts;
    // The stream does not tell of followers that were raised after they joined; the index may not have heard of the last one yet.
    const priority = highest([this.index.get(claim.runId)?.priority ?? 'warm'], priorityOf(run));
    return { providerId, accountId, operation: 'download', owner: claim.owner, runId: claim.runId, attempt, priority, ...defined({ sizeBytes }) };
  }

  private async attempt(step: Step): Promise<void> {
    const { claim, run, asset, signal } = step;
    const attempt = run.attempt + 1;
    const started = performance.now();
    const { assetId, owner, kind, filename, sha256, facts } = asset;
    const wanted = defined({ owner, assetId, downloadId: claim.runId, epoch: claim.epoch, attempt, kind, filename, sha256, sizeBytes: facts.sizeBytes });
    let place: Awaited<ReturnType<CacheClient['open']>>;
    try {
      place = await this.cache.open(wanted);
    } catch (error) {
      const refusal = CACHE_REFUSALS[(error as FerryError).code];
      if (!refusal) throw error;
      return this.fail(claim, refusal, (error as FerryError).message);
    }
    stepBoundary('transfer.after-cache-open');
    if ('file' in place) return this.adopt(step, attempt, place.file);
    const source = await this.next(step);
    if (!source) return;
    const { putUrl, nodeId } = place;
    const begin = async () => {
      stepBoundary('transfer.before-download-started');
      await this.append(claim, { type: 'StartDownload', data: { downloadId: claim.runId, epoch: claim.epoch, attempt, source: source.location, nodeId } });
      stepBoundary('transfer.after-download-started');
      this.progress.at(claim.runId, { kind: 'download', step: 'downloading', attempt });
      const deadlineAt = new Date(Date.now() + this.config.TRANSFER_JOB_DEADLINE_MS).toISOString();
      return { jobId: randomUUID(), owner, deadlineAt, download: { forms: source.forms, kind, putUrl } };
    };
    const outcome = await this.jobs.run(this.target(step, attempt, source), begin, signal);
    await this.settle(step, attempt, outcome, started);
  }

  /** The bytes came before the last worker could say so. */
  private async adopt({ claim }: Step, attempt: number, file: CachedFile): Promise<void> {
    const node = { from: 'node', nodeId: file.nodeId } as const;
    await this.append(claim, { type: 'StartDownload', data: { downloadId: claim.runId, epoch: claim.epoch, attempt, source: node, nodeId: file.nodeId } });
    await this.complete(claim, attempt, file, 0);
  }

  private async settle({ claim }: Step, attempt: number, outcome: JobOutcome, started: number): Promise<void> {
    stepBoundary('transfer.download-result-seen');
    if (outcome.status === 'succeeded' && outcome.download) return this.complete(claim, attempt, outcome.download, performance.now() - started);
    const failure = outcome.status === 'failed' ? attemptFailure(outcome.error, { ...claim, attempt }, this.config) : lostAttempt();
    await this.append(claim, { type: 'FailDownloadAttempt', data: defined({ downloadId: claim.runId, attempt, epoch: claim.epoch, ...failure }) });
  }

  private async complete(claim: Claim, attempt: number, file: CachedFile, durationMs: number): Promise<void> {
    const { sizeBytes: bytes, sha256, mimeType, kind, width, height, durationSeconds, nodeId } = file;
    const facts = { bytes, sha256, mimeType, kind, width, height, durationSeconds, nodeId, durationMs: Math.round(durationMs) };
    stepBoundary('transfer.before-download-complete');
    await this.append(claim, { type: 'CompleteDownload', data: defined({ downloadId: claim.runId, attempt, ...facts }) });
    stepBoundary('transfer.after-download-complete');
  }

  private async append({ runId, owner }: Claim, order: Parameters<RunLog['download']>[2]): Promise<void> {
    await this.log.download(parseRunId(runId)!.subjectId, { owner }, order);
  }
}
