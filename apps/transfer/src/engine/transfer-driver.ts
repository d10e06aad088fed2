import { AcceptedRequest, acceptedSubject, ReleaseRequest, releaseSubject, type AcceptedAnswer, type UploadResult } from '@ferry/contracts';
import { isOpen, transferDefinition, transferStream, type ClaimedRun, type RouteState, type TransferEvent, type TransferRun } from '@ferry/domain/transfer';
import type { EventStore } from '@ferry/event-store';
import { defined, FerryError, parseRunId, unreachable, type Route } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import { stepBoundary } from '@ferry/observability';
import { MESSAGING } from '@ferry/service-host';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { AssetReader, type AssetForTransfer } from '../assets/asset-reader';
import { TransferConfig } from '../transfer.config';
import { attemptFailure, isSpent, lostAttempt, markerOf, type AttemptFailure } from './attempts';
import { Bytes, type HeldFile, type UploadSource } from './bytes';
import { Cancellation } from './cancellation';
import { isMine, type Claim } from './claim';
import { LostUploads, type LostUpload } from './lost-uploads';
import { NotYet } from './not-yet';
import { Progress } from './progress';
import { ProviderJobs, type JobOutcome, type JobTarget } from './provider-jobs';
import { ReleaseDesk } from './release-desk';
import { RunLog } from './run-log';
import { TargetLimitsOf } from './target-limits';

interface Step {
  readonly claim: Claim;
  readonly route: Route;
  readonly run: ClaimedRun;
  readonly asset: AssetForTransfer;
  readonly held: HeldFile;
  readonly signal: AbortSignal;
}

const extensionOf = (filename: string): string => /\.[A-Za-z0-9]{1,8}$/.exec(filename)?.[0] ?? '';

/** Kinds after which a released upload may stand at the vendor all the same. */
const UNKNOWN_OUTCOMES = new Set(['timeout', 'unavailable', 'protocol']);

/** The upload may be committed at the vendor by now. */
const isReleased = (run: TransferRun | undefined): run is Extract<ClaimedRun, { status: 'released' | 'accepted' }> =>
  run?.status === 'released' || run?.status === 'accepted';

/** Makes a route's reference valid: each turn reads the stream and does what comes next. */
@Injectable()
export class TransferDriver {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(MESSAGING) private readonly messaging: Messaging,
    private readonly assets: AssetReader,
    private readonly limits: TargetLimitsOf,
    private readonly bytes: Bytes,
    private readonly desk: ReleaseDesk,
    private readonly jobs: ProviderJobs,
    private readonly lostUploads: LostUploads,
    private readonly log: RunLog,
    private readonly cancellation: Cancellation,
    private readonly progress: Progress,
    private readonly config: TransferConfig,
  ) {}

  /** Until the run has ended or is another worker's. */
  async drive(claim: Claim, signal: AbortSignal): Promise<void> {
    const { subjectId: routeId } = parseRunId(claim.runId)!;
    const held = this.bytes.hold(claim);
    const release = this.messaging.respond(releaseSubject(claim.runId), ReleaseRequest, (request) => this.desk.release(claim, held, request));
    const accepted = this.messaging.respond(acceptedSubject(claim.runId), AcceptedRequest, (news) => this.accept(claim, news));
    try {
      for (;;) {
        signal.throwIfAborted();
        const { state } = await this.store.load(transferDefinition, transferStream(routeId));
        const { run, route } = state;
        if (!route || !isOpen(run) || run.transferId !== claim.runId || run.status === 'requested' || !isMine(claim, run)) return;
        stepBoundary('transfer.turn');
        const attempt = 'startedEpoch' in run ? run.attempt : run.attempt + 1;
        this.progress.at(claim.runId, { kind: 'transfer', step: 'startedEpoch' in run ? 'uploading' : 'preparing', attempt });
        const asset = await this.assets.find(route.assetId);
        // What was released is settled first: a copy at the vendor is not to be forgotten.
        if (!asset || (asset.deleted && !isReleased(run))) await this.cancel(claim);
        else await this.turn({ claim, route, run, asset, held, signal });
      }
    } finally {
      this.progress.left(claim.runId);
      release.close();
      accepted.close();
      await held.end();
    }
  }

  async fail(claim: Claim, kind: string, message: string, retryAfter?: string): Promise<void> {
    const data = defined({ transferId: claim.runId, epoch: claim.epoch, kind, message, retryAfter, marker: markerOf(claim.runId) });
    const { state } = await this.log.transfer(claim, { type: 'FailTransfer', data });
    await this.cancellation.tidyTransfer(claim, state);
  }

  /** The run ended elsewhere while this worker was at it. */
  tidy(claim: Claim): Promise<void> {
    return this.cancellation.tidyTransfer(claim);
  }

  /** Also of a run that has ended meanwhile, which changes nothing. */
  private async accept(claim: Claim, { transferId, attempt, forms }: AcceptedRequest): Promise<AcceptedAnswer> {
    if (transferId !== claim.runId) throw new FerryError('VALIDATION_FAILED', 'invalid', 'The news is of another transfer.');
    await this.log.transfer(claim, { type: 'AcceptUpload', data: { transferId, attempt, forms } });
    return { noted: true };
  }

  private async cancel(claim: Claim): Promise<void> {
    const { state } = await this.log.transfer(claim, { type: 'CancelTransfer', data: { transferId: claim.runId, marker: markerOf(claim.runId) } });
    await this.cancellation.tidyTransfer(claim, state);
  }

  private async turn(step: Step): Promise<void> {
    const { run, signal } = step;
    switch (run.status) {
      case 'claimed':
        return this.attempt(step);
      case 'waiting':
        if (!run.retryable || isSpent(run, this.config)) return this.giveUp(step, run);
        NotYet.check(run.retryAt, 'The next attempt has its time.');
        // What failed may have been the file: it was lost, or its address is too old.
        await step.held.close();
        return this.attempt(step);
      case 'uploading':
      case 'released':
      case 'accepted':
        return this.settle(step, run.attempt, await this.jobs.join(this.target(step, run.attempt), signal));
      default:
        return unreachable(run);
    }
  }

  /** Where the bytes broke off, what has become of their download tells why. */
  private async giveUp({ claim, asset }: Step, run: Extract<ClaimedRun, { status: 'waiting' }>): Promise<void> {
    const broken = await this.bytes.brokenBy(run, asset);
    return broken ? this.fail(claim, broken.kind, broken.message) : this.fail(claim, run.kind, run.message, run.retryAt);
  }

  private target({ claim, route, run, asset }: Step, attempt: number): JobTarget {
    const { providerId, accountId } = route;
    const { sizeBytes } = asset.facts;
    return { providerId, accountId, operation: 'upload', owner: claim.owner, runId: claim.runId, attempt, priority: run.priority, ...defined({ sizeBytes }) };
  }

  /** One attempt, from the cached file or from the download while it runs. */
  private async attempt(step: Step): Promise<void> {
    const { claim, route, asset } = step;
    const limits = await this.limits.route(route, asset.kind);
    const attempt = step.run.attempt + 1;
    const onDownload = (job: string) => this.progress.at(claim.runId, { kind: 'transfer', step: 'downloading', attempt, job });
    const found = await this.bytes.find({ ...step, enough: (facts) => limits.decided(facts), onDownload });
    this.progress.at(claim.runId, { kind: 'transfer', step: 'preparing', attempt });
    if (!found) return;
    if ('failure' in found) return this.fail(claim, found.failure.kind, found.failure.message);
    // Limits that only the content reveals, before a byte goes to the target.
    const violations = limits.violations(found.source.facts);
    if (violations.length) return this.fail(claim, 'invalid-request', violations.map(({ message }) => message).join(' '));
    stepBoundary('transfer.source-found');
    await this.upload(step, found.source);
  }

  private async upload(step: Step, { getUrl, filename, facts, follows }: UploadSource): Promise<void> {
    const { claim, run, route, signal } = step;
    const attempt = run.attempt + 1;
    const begin = async () => {
      stepBoundary('transfer.before-upload-started');
      await this.log.transfer(claim, { type: 'StartUpload', data: defined({ transferId: claim.runId, epoch: claim.epoch, attempt, follows }) });
      this.progress.at(claim.runId, { kind: 'transfer', step: 'uploading', attempt });
      stepBoundary('transfer.after-upload-started');
      const { kind, mimeType, sizeBytes, sha256, width, height, durationSeconds } = facts;
      const upload = {
        variant: route.variant,
        getUrl,
        filename: `${markerOf(claim.runId)}${extensionOf(filename)}`,
        ...defined({ kind, mimeType, sizeBytes, sha256, width, height, durationSeconds }),
      };
      const deadlineAt = new Date(Date.now() + this.config.TRANSFER_JOB_DEADLINE_MS).toISOString();
      return { jobId: randomUUID(), owner: claim.owner, deadlineAt, upload };
    };
    await this.settle(step, attempt, await this.jobs.run(this.target(step, attempt), begin, signal));
  }

  private async settle(step: Step, attempt: number, outcome: JobOutcome): Promise<void> {
    const { claim } = step;
    stepBoundary('transfer.upload-result-seen');
    if (outcome.status === 'gone') return this.lost(step, attempt);
    if (outcome.status === 'failed') {
      const found = UNKNOWN_OUTCOMES.has(outcome.error.kind) ? await this.standing(step, attempt) : undefined;
      if (found) await this.complete(step, attempt, found);
      else await this.failAttempt(step, attempt, attemptFailure(outcome.error, { ...claim, attempt }, this.config));
      return;
    }
    if (!outcome.upload) throw new FerryError('PROTOCOL', 'internal', 'The adapter answered an upload without its result.');
    await this.complete(step, attempt, outcome.upload);
  }

  private async complete(step: Step, attempt: number, upload: UploadResult): Promise<void> {
    const { claim } = step;
    const { forms } = upload;
    const data = defined({ transferId: claim.runId, attempt, ...upload });
    stepBoundary('transfer.before-complete-append');
    try {
      const { events } = await this.log.transfer(claim, { type: 'CompleteTransfer', data });
      if (!events.length && !(await this.isCompleted(claim, attempt))) await this.orphan(claim, attempt, 'The upload ended after its attempt was given up.', forms);
    } catch (error) {
      if ((error as FerryError).code !== 'UPLOAD_NOT_RELEASED') throw error;
      const message = 'The adapter committed an upload that was not released.';
      await this.orphan(claim, attempt, message, forms);
      await this.failAttempt(step, attempt, { kind: 'protocol', retryable: false, message });
    }
  }

  /** Nobody answers for the job: the stream decides. Not released: it never can be now. Released: it may stand at the vendor. */
  private async lost(step: Step, attempt: number): Promise<void> {
    const { signal } = step;
    const { run } = await this.failAttempt(step, attempt, lostAttempt(), { onlyUnreleased: true });
    const lost = this.lostUpload(step, attempt, run);
    if (!lost) return;
    const fate = await this.lostUploads.fateOf(lost, signal);
    if (fate === 'refused') await this.failAttempt(step, attempt, { ...lostAttempt('The provider accepted the upload, and made nothing of it.'), kind: 'not-found' });
    else if (fate === 'absent') await this.absent(step, attempt);
    else if (fate === 'unknown') await this.failAttempt(step, attempt, { ...lostAttempt('The upload was released and its outcome stayed unknown.'), kind: 'timeout' });
    else if ('found' in fate) await this.complete(step, attempt, fate.found);
    else await this.settle(step, attempt, fate.ended);
  }

  /** Nothing is to be seen of it. An adapter that is cut off from here alone may commit it up to its job's deadline: then it is looked for once more. */
  private async absent(step: Step, attempt: number): Promise<void> {
    const lookUpAt = new Date(Date.now() + this.config.TRANSFER_JOB_DEADLINE_MS).toISOString();
    await this.failAttempt(step, attempt, lostAttempt('The adapter that worked on it is gone, and the vendor lists no such upload.'), { lookUpAt });
  }

  /** A released upload that failed may stand at the vendor all the same: a second one is not begun where the vendor lists the first, or processes it. */
  private async standing(step: Step, attempt: number): Promise<UploadResult | undefined> {
    const { run } = (await this.store.load(transferDefinition, transferStream(parseRunId(step.claim.runId)!.subjectId))).state;
    const lost = this.lostUpload(step, attempt, run);
    return lost && this.lostUploads.standing(lost, step.signal);
  }

  /** Undefined where it was not released, or is another worker's by now. */
  private lostUpload(step: Step, attempt: number, run: TransferRun | undefined): LostUpload | undefined {
    const { claim, route } = step;
    if (!isReleased(run) || run.attempt !== attempt || !isMine(claim, run)) return undefined;
    const accepted = run.status === 'accepted' ? run.forms : undefined;
    return { target: { ...this.target(step, attempt), sizeBytes: run.sizeBytes }, variant: route.variant, marker: markerOf(claim.runId), ...defined({ accepted }) };
  }

  /** `lookUpAt`: what was released is not at the vendor so far, and is looked for then. */
  private async failAttempt(
    { claim }: Step,
    attempt: number,
    failure: AttemptFailure,
    { onlyUnreleased = false, lookUpAt }: { onlyUnreleased?: boolean; lookUpAt?: string } = {},
  ): Promise<RouteState> {
    const { runId: transferId, epoch } = claim;
    const marker = UNKNOWN_OUTCOMES.has(failure.kind) && lookUpAt === undefined ? markerOf(transferId) : undefined;
    const data = defined({ transferId, attempt, epoch, ...failure, lookUpAt, marker, onlyUnreleased });
    return (await this.log.transfer(claim, { type: 'FailUpload', data })).state;
  }

  private async orphan(claim: Claim, attempt: number, reason: string, forms?: object): Promise<void> {
    const data = defined({ transferId: claim.runId, attempt, marker: markerOf(claim.runId), reason, forms });
    await this.log.transfer(claim, { type: 'OrphanUpload', data });
  }

  /** The route may have gone on to another run: what this one came to, its events say. */
  private async isCompleted({ runId }: Claim, attempt: number): Promise<boolean> {
    const events = (await this.store.read(transferStream(parseRunId(runId)!.subjectId))) as unknown as readonly TransferEvent[];
    return events.some((event) => event.type === 'UploadCompleted' && event.data.transferId === runId && event.data.attempt === attempt);
  }
}
