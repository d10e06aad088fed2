import type { CachedFile, FollowDownloadAnswer } from '@ferry/contracts';
import { downloadDefinition, downloadStream, isOpenDownload, type DownloadState } from '@ferry/domain/download';
import type { ClaimedRun, UploadStartedData } from '@ferry/domain/transfer';
import type { EventStore } from '@ferry/event-store';
import { defined, FerryError, type MediaFacts, type Position } from '@ferry/kernel';
import { stepBoundary } from '@ferry/observability';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import type { AssetForTransfer } from '../assets/asset-reader';
import { CacheClient, type LeasedFile } from './cache-client';
import type { Claim } from './claim';
import { RunIndex } from './run-index';
import { RunLog } from './run-log';
import { Slots } from './slots';

const ASK_STREAM_EVERY_MS = 5_000;
const FOLLOW_MS = 2_000;

/** The cached file of one run, leased from the first use until it is closed; the use after that looks at it anew. */
export interface HeldFile {
  /**
   * Undefined where the file is not cached, also after waiting so long for one that is being written.
   * @throws FerryError HELD_ELSEWHERE after the end
   */
  file(asset: AssetForTransfer, waitMs?: number): Promise<LeasedFile | undefined>;
  /** The cache node that takes the bytes which the run follows: whoever waits for the file waits there. */
  growsOn(nodeId: string): void;
  close(): Promise<void>;
  /** The work on the run is over: a question that comes late must not lease what nobody would give back. */
  end(): Promise<void>;
}

/** Bytes that an upload can begin with: the cached file, or a download that brings it. */
export interface UploadSource {
  readonly getUrl: string;
  readonly filename: string;
  /** Verified with the hash, else what the beginning of the file tells. */
  readonly facts: Pick<CachedFile, 'kind' | 'sizeBytes' | 'width' | 'height' | 'durationSeconds'> & { readonly mimeType: string; readonly sha256?: string };
  readonly follows?: UploadStartedData['follows'];
}

export interface Wanted {
  readonly claim: Claim;
  readonly run: ClaimedRun;
  readonly asset: AssetForTransfer;
  readonly held: HeldFile;
  /** Whether an upload may begin (or is to be refused) knowing no more than this. */
  readonly enough: (facts: MediaFacts) => boolean;
  /** Told which download brings the bytes. */
  readonly onDownload: (downloadId: string) => void;
  readonly signal: AbortSignal;
}

export interface Failure {
  readonly kind: string;
  readonly message: string;
}

interface Following {
  readonly claim: Claim;
  readonly asset: AssetForTransfer;
  readonly downloadId: string;
  /** The cache node that takes the bytes, where known. */
  readonly nodeId: string | undefined;
  readonly since: Position;
  readonly canFollow: boolean;
  readonly signal: AbortSignal;
}

/** Undefined: look again. */
export type Found = { readonly source: UploadSource } | { readonly failure: Failure } | undefined;

/** Gets a transfer its bytes: the cached copy, else the asset's one download, joined or begun, and read while it runs. */
@Injectable()
export class Bytes {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly log: RunLog,
    private readonly cache: CacheClient,
    private readonly index: RunIndex,
    private readonly slots: Slots,
  ) {}

  hold({ runId, epoch }: Claim): HeldFile {
    let leasing: Promise<LeasedFile | undefined> | undefined;
    let isOver = false;
    let nodeId: string | undefined;
    const file = async ({ owner, assetId }: AssetForTransfer, waitMs?: number) => {
      if (isOver) throw new FerryError('HELD_ELSEWHERE', 'unavailable', 'This worker has left the transfer. Ask again.', { transferId: runId });
      // One lease for each claim: a worker that lost the run gives back its own and not its successor's.
      leasing ??= this.cache.lease(owner, assetId, holderOf({ runId, epoch }), waitMs === undefined ? {} : defined({ waitMs, nodeId }));
      try {
        const leased = await leasing;
        if (!leased) leasing = undefined;
        else stepBoundary('transfer.after-lease');
        return leased;
      } catch (error) {
        leasing = undefined;
        throw error;
      }
    };
    const close = async () => {
      // Why it could not be leased, who asked for the file was told.
      const [held] = await Promise.allSettled([leasing]);
      leasing = undefined;
      if (held.status === 'fulfilled') await held.value?.close();
    };
    const end = () => {
      isOver = true;
      return close();
    };
    const growsOn = (on: string) => void (nodeId = on);
    return { file, growsOn, close, end };
  }

  async find(wanted: Wanted): Promise<Found> {
    const { asset, held } = wanted;
    const leased = await held.file(asset);
    if (leased) return { source: { getUrl: leased.getUrl, filename: leased.file.filename, facts: leased.file } };
    const found = await this.download(wanted);
    // Evicted or cancelled meanwhile: the worker comes back after a pause instead of downloading in a loop.
    if (!found && !(await held.file(asset))) throw new FerryError('NOT_CACHED', 'unavailable', 'The downloaded file is not in the cache any more.');
    return found;
  }

  /** Joins the asset's download, or begins it, and follows it as soon as enough is known of what it brings. */
  private async download({ claim, run, asset, held, enough, onDownload, signal }: Wanted): Promise<Found> {
    const { assetId, owner } = asset;
    const transferId = claim.runId;
    const { priority } = run;
    const followed = followedBy(run);
    const data = { assetId, reason: 'transfer', priority, transferId, ...defined({ followed }) } as const;
    stepBoundary('transfer.before-download-request');
    const { state: requested, events, token } = await this.slots.claiming('download', priority, (first) =>
      this.log.download(assetId, { owner }, { type: 'RequestDownload', data: { ...data, ...first } }),
    );
    stepBoundary('transfer.after-download-request');
    if (!events.some(({ type }) => type === 'DownloadClaimed')) this.slots.redeem('download');
    const downloadId = requested.run?.downloadId;
    if (!downloadId) throw new FerryError('INTERNAL', 'internal', 'A requested download has no run.');
    if (followed === downloadId && !isOpenDownload(requested.run)) return endOf(requested, downloadId);
    onDownload(downloadId);
    let nodeId = nodeOf(requested);
    for (let canFollow = true; ; ) {
      const answer = await this.slots.wait(transferId, () => this.next({ claim, asset, downloadId, nodeId, since: token.position, canFollow, signal }));
      signal.throwIfAborted();
      if (answer === 'never') canFollow = false;
      else if (typeof answer === 'object') {
        const source = sourceOf(answer, downloadId, asset);
        if (source && enough(source.facts)) {
          held.growsOn(answer.nodeId);
          return { source };
        }
        canFollow = false;
      }
      const state = await this.load(asset);
      nodeId = nodeOf(state);
      if (isOpenDownload(state.run) && state.run.downloadId === downloadId) continue;
      return endOf(state, downloadId);
    }
  }

  /** Why the download that broke the run's last attempt off has failed for good, where it has. */
  async brokenBy(run: ClaimedRun, asset: AssetForTransfer): Promise<Failure | undefined> {
    const followed = followedBy(run);
    return followed === undefined ? undefined : endOf(await this.load(asset), followed)?.failure;
  }

  /** Waits until the download can be followed, or has ended, or may have. */
  private async next(wanted: Following) {
    const { claim, asset, downloadId, nodeId, since, canFollow, signal } = wanted;
    const stop = new AbortController();
    const ended = this.index.ended(downloadId, since, ASK_STREAM_EVERY_MS, AbortSignal.any([signal, stop.signal]));
    try {
      if (!canFollow) return await ended;
      const following = this.cache.follow(
        defined({ owner: asset.owner, assetId: asset.assetId, downloadId, holder: holderOf(claim), waitMs: FOLLOW_MS, nodeId }),
      );
      return await Promise.race([ended, following]);
    } finally {
      stop.abort();
    }
  }

  private async load({ assetId }: AssetForTransfer): Promise<DownloadState> {
    return (await this.store.load(downloadDefinition, downloadStream(assetId))).state;
  }
}

const holderOf = ({ runId, epoch }: Pick<Claim, 'runId' | 'epoch'>): string => `${runId}.${epoch}`;

const followedBy = (run: ClaimedRun): string | undefined => (run.status === 'waiting' ? run.followed : undefined);

const nodeOf = ({ run }: DownloadState): string | undefined => (run?.status === 'downloading' ? run.nodeId : undefined);

const endOf = ({ run }: DownloadState, downloadId: string): { failure: Failure } | undefined =>
  run?.status === 'failed' && run.downloadId === downloadId ? { failure: { kind: run.kind, message: run.message } } : undefined;

/** What was verified of the asset once is true of its bytes whenever they come: their hash is compared in the end. */
const sourceOf = (answer: FollowDownloadAnswer, downloadId: string, { sha256, facts }: AssetForTransfer): UploadSource | undefined => {
  const { attempt, nodeId: _, getUrl, filename, ...early } = answer;
  const known = { ...(sha256 === undefined ? {} : facts), ...early };
  const { mimeType } = known;
  return mimeType === undefined ? undefined : { getUrl, filename, facts: { ...known, mimeType }, follows: { downloadId, attempt } };
};
