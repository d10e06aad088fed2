import { endedSubject, ReleaseRequest, releaseSubject, type ReleaseAnswer, type RouteEnded } from '@ferry/contracts';
import { isOpen, transferDefinition, transferStream, type ClaimedRun, type RouteState, type TransferCommand, type TransferRun } from '@ferry/domain/transfer';
import { metadataFor, type EventStore } from '@ferry/event-store';
import { defined, FerryError, parseRunId, unreachable, type Route, type Token } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import { MESSAGING } from '@ferry/service-host';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { ProviderDirectory } from '@ferry/service-host/providers';
import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { AssetReader, type AssetForTransfer } from '../assets/asset-reader';
import { violationsOf } from '../resolve/limits';
import { TransferConfig } from '../transfer.config';
import { attemptFailure, lostAttempt, type AttemptFailure } from './attempts';
import { Bytes, type HeldFile } from './bytes';
import { isMine, type Claim } from './claim';
import { NotYet } from './not-yet';
import { ProviderJobs, type JobOutcome, type JobTarget } from './provider-jobs';

interface Step {
  readonly claim: Claim;
  readonly route: Route;
  readonly run: ClaimedRun;
  readonly asset: AssetForTransfer;
  readonly held: HeldFile;
  readonly signal: AbortSignal;
}

/** The marker in the file's name at the vendor, by which a lost upload is found again. */
const markerOf = (transferId: string): string => `ferry-${transferId}`;
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
    private readonly directory: ProviderDirectory,
    private readonly bytes: Bytes,
    private readonly jobs: ProviderJobs,
    private readonly config: TransferConfig,
  ) {}

  /** Until the run has ended or is another worker's. */
  async drive(claim: Claim, signal: AbortSignal): Promise<void> {
    const { subjectId: routeId } = parseRunId(claim.runId)!;
    const held = this.bytes.hold(claim);
    const release = this.messaging.respond(releaseSubject(claim.runId), ReleaseRequest, (request) => this.release(claim, held, request));
    try {
      for (;;) {
        signal.throwIfAborted();
        const { state } = await this.store.load(transferDefinition, transferStream(routeId));
        const { run, route } = state;
        if (!route || !isOpen(run) || run.transferId !== claim.runId || run.status === 'requested' || !isMine(claim, run)) return;
        const asset = await this.assets.find(route.assetId);
        // What was released is settled first: a copy at the vendor is not to be forgotten.
        if (!asset || (asset.deleted && !isReleased(run))) await this.end(claim, { type: 'CancelTransfer', data: { transferId: claim.runId } }, 'cancelled');
        else await this.turn({ claim, route, run, asset, held, signal });
      }
    } finally {
      release.close();
      await held.close();
    }
  }

  async fail(claim: Claim, kind: string, message: string, retryAfter?: string): Promise<void> {
    await this.end(claim, { type: 'FailTransfer', data: defined({ transferId: claim.runId, epoch: claim.epoch, kind, message, retryAfter, marker: markerOf(claim.runId) }) }, 'failed');
  }

  private async turn(step: Step): Promise<void> {
    const { claim, run, signal } = step;
    switch (run.status) {
      case 'claimed':
        return this.attempt(step);
      case 'waiting':
        if (!run.retryable || run.attempt >= this.config.TRANSFER_ATTEMPTS) return this.fail(claim, run.kind, run.message, run.retryAt);
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

  private target({ claim, route, run, asset }: Step, attempt: number): JobTarget {
    const { providerId, accountId } = route;
    const { sizeBytes } = asset.facts;
    return { providerId, accountId, operation: 'upload', owner: claim.owner, runId: claim.runId, attempt, priority: run.priority, ...defined({ sizeBytes }) };
  }

  /** One attempt from the cached file; where there is none, the download first, and the attempt in the next turn. */
  private async attempt(step: Step): Promise<void> {
    const { claim, run, asset, held, signal } = step;
    const leased = await held.file(asset);
    if (!leased) {
      const failure = await this.bytes.fetch(claim, asset, run.priority, signal);
      if (failure) return this.fail(claim, failure.kind, failure.message);
      // Evicted or cancelled meanwhile: the worker comes back after a pause instead of downloading in a loop.
      if (!(await held.file(asset))) throw new FerryError('NOT_CACHED', 'unavailable', 'The downloaded file is not in the cache any more.');
      return;
    }
    if (await this.refused(step, leased.file)) return;
    const attempt = run.attempt + 1;
    const { filename, ...file } = leased.file;
    const begin = async () => {
      await this.append(claim, { type: 'StartUpload', data: { transferId: claim.runId, epoch: claim.epoch, attempt } });
      const { kind, mimeType, sizeBytes, sha256, width, height, durationSeconds } = file;
      const upload = {
        variant: step.route.variant,
        getUrl: leased.getUrl,
        filename: `${markerOf(claim.runId)}${extensionOf(filename)}`,
        ...defined({ kind, mimeType, sizeBytes, sha256, width, height, durationSeconds }),
      };
      const deadlineAt = new Date(Date.now() + this.config.TRANSFER_JOB_DEADLINE_MS).toISOString();
      return { jobId: randomUUID(), owner: claim.owner, deadlineAt, upload };
    };
    await this.settle(step, attempt, await this.jobs.run(this.target(step, attempt), begin, signal));
  }

  /** Limits that only the content reveals, before a byte goes to the target. */
  private async refused({ claim, route, asset }: Step, facts: Parameters<typeof violationsOf>[2]): Promise<boolean> {
    const provider = await this.directory.describe(route.providerId);
    const variant = provider.variants.find((candidate) => candidate.variant === route.variant);
    const violations = variant ? violationsOf(variant, asset.kind, facts) : [];
    if (!violations.length) return false;
    await this.fail(claim, 'invalid-request', violations.map(({ message }) => message).join(' '));
    return true;
  }

  private async settle(step: Step, attempt: number, outcome: JobOutcome): Promise<void> {
    const { claim } = step;
    if (outcome.status === 'gone') return this.lost(step, attempt);
    if (outcome.status === 'failed') {
      await this.failAttempt(step, attempt, attemptFailure(outcome.error, { ...claim, attempt }, this.config));
      return;
    }
    if (!outcome.upload) throw new FerryError('PROTOCOL', 'internal', 'The adapter answered an upload without its result.');
    const { forms } = outcome.upload;
    const data = defined({ transferId: claim.runId, attempt, ...outcome.upload });
    try {
      const { run } = await this.end(claim, { type: 'CompleteTransfer', data }, 'completed');
      const isOurs = run?.transferId !== claim.runId || (run.status === 'completed' && run.attempt === attempt);
      if (!isOurs) await this.orphan(claim, attempt, 'The upload ended after its attempt was given up.', forms);
    } catch (error) {
      if ((error as FerryError).code !== 'UPLOAD_NOT_RELEASED') throw error;
      const message = 'The adapter committed an upload that was not released.';
      await this.orphan(claim, attempt, message, forms);
      await this.failAttempt(step, attempt, { kind: 'protocol', retryable: false, message });
    }
  }

  /** Nobody answers for the job: the stream decides. Not released: it never can be now. Released: asked for again until the deadline. */
  private async lost(step: Step, attempt: number): Promise<void> {
    const { claim, signal } = step;
    const { run } = await this.failAttempt(step, attempt, lostAttempt(), true);
    if (!isReleased(run) || run.attempt !== attempt || !isMine(claim, run)) return;
    const until = performance.now() + this.config.TRANSFER_JOB_DEADLINE_MS;
    while (performance.now() < until) {
      const outcome = await this.jobs.join(this.target(step, attempt), signal);
      if (outcome.status !== 'gone') return this.settle(step, attempt, outcome);
    }
    await this.failAttempt(step, attempt, { ...lostAttempt(), kind: 'timeout', message: 'The upload was released and its outcome stayed unknown.' });
  }

  private async failAttempt({ claim }: Step, attempt: number, failure: AttemptFailure, onlyUnreleased = false): Promise<RouteState> {
    const { runId: transferId, epoch } = claim;
    const marker = UNKNOWN_OUTCOMES.has(failure.kind) ? markerOf(transferId) : undefined;
    const data = defined({ transferId, attempt, epoch, ...failure, marker, onlyUnreleased });
    return (await this.append(claim, { type: 'FailUpload', data })).state;
  }

  private async orphan(claim: Claim, attempt: number, reason: string, forms?: object): Promise<void> {
    const data = defined({ transferId: claim.runId, attempt, marker: markerOf(claim.runId), reason, forms });
    await this.append(claim, { type: 'OrphanUpload', data });
  }

  /** Says yes once, to the one job that read exactly the verified content, for an asset and run that are still wanted. */
  private async release(claim: Claim, held: HeldFile, request: ReleaseRequest): Promise<ReleaseAnswer> {
    const { transferId, attempt, jobId, sizeBytes, sha256 } = request;
    const { state } = await this.store.load(transferDefinition, transferStream(parseRunId(claim.runId)!.subjectId));
    const { run } = state;
    if (isOpen(run) && run.status !== 'requested' && !isMine(claim, run)) {
      throw new FerryError('HELD_ELSEWHERE', 'unavailable', 'Another worker holds the transfer now. Ask again.', { transferId });
    }
    const asset = state.route && (await this.assets.find(state.route.assetId));
    const leased = asset && !asset.deleted ? await held.file(asset) : undefined;
    if (transferId !== claim.runId || !leased || leased.file.sha256 !== sha256 || leased.file.sizeBytes !== sizeBytes) {
      const message = 'What the upload read is not the verified content, or the asset is gone. Break the upload off.';
      throw new FerryError('UPLOAD_NOT_RELEASABLE', 'conflict', message, { transferId, attempt });
    }
    await this.append(claim, { type: 'ReleaseUpload', data: { transferId, epoch: claim.epoch, attempt, jobId, sizeBytes, sha256 } });
    return { released: true };
  }

  private async end(claim: Claim, command: { type: TransferCommand['type']; data: object }, outcome: RouteEnded['outcome']): Promise<RouteState> {
    const { token, events, state } = await this.append(claim, command);
    if (!events.length) return state;
    const routeId = parseRunId(claim.runId)!.subjectId;
    const ended: RouteEnded = { routeId, transferId: claim.runId, outcome, token };
    this.messaging.publish(endedSubject(routeId), ended);
    return state;
  }

  private append({ runId, owner }: Claim, command: { type: TransferCommand['type']; data: object }): Promise<{ state: RouteState; token: Token; events: readonly unknown[] }> {
    return this.store.handle({
      definition: transferDefinition,
      stream: transferStream(parseRunId(runId)!.subjectId),
      command: { ...command, metadata: { now: new Date().toISOString() } } as TransferCommand,
      metadata: metadataFor({ owner, actor: 'service:transfer', commandId: randomUUID() }),
    });
  }
}
