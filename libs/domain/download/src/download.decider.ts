import { defined, downloadIdOf, priorityRank, unreachable, type Command, type Decider, type Priority, type StreamDefinition } from '@ferry/kernel';
import { downloadError } from './download.errors';
import {
  DOWNLOAD_CATEGORY,
  DOWNLOAD_EVENT_TYPES,
  type DownloadAttemptFailedData,
  type DownloadCompletedData,
  type DownloadEvent,
  type DownloadFailedData,
  type DownloadReason,
  type DownloadStartedData,
} from './download.events';
import { evolve, initialState, isOpenDownload, type DownloadState, type OpenDownload } from './download.state';

interface OfRun {
  readonly downloadId: string;
}

/** Opens a run, or joins the open one; without a follower, it raises that one where it is less urgent. */
export type RequestDownload = Command<
  'RequestDownload',
  {
    readonly assetId: string;
    readonly reason: DownloadReason;
    readonly priority: Priority;
    /** The follower: a transfer, or a warming. */
    readonly transferId?: string;
    /** A run that broke off under the follower: where it has failed for good, none is begun in its place. */
    readonly followed?: string;
    /** Takes the run in the decision that makes it. */
    readonly claim?: { readonly workerId: string };
  }
>;
/** The last follower's leaving ends a run of reason `transfer`, or of the reason that the leaver had for it. */
export type LeaveDownload = Command<'LeaveDownload', { readonly transferId: string; readonly ends?: DownloadReason }>;
/** `fromEpoch` is the epoch that the claimer saw; 0 where nobody has claimed the run yet. */
export type ClaimDownload = Command<'ClaimDownload', OfRun & { readonly workerId: string; readonly fromEpoch: number }>;
/** No error means: the attempt is open and this epoch started it. */
export type StartDownload = Command<'StartDownload', DownloadStartedData>;
/** With the epoch of who says so: a worker that has lost the run changes nothing. */
export type FailDownloadAttempt = Command<'FailDownloadAttempt', DownloadAttemptFailedData & { readonly epoch?: number }>;
export type CompleteDownload = Command<'CompleteDownload', DownloadCompletedData>;
export type FailDownload = Command<'FailDownload', DownloadFailedData & { readonly epoch?: number }>;
export type CancelDownload = Command<'CancelDownload', OfRun>;

export type DownloadCommand =
  | RequestDownload
  | LeaveDownload
  | ClaimDownload
  | StartDownload
  | FailDownloadAttempt
  | CompleteDownload
  | FailDownload
  | CancelDownload;

/** The run that a command names, if it is the current one and still open. */
const openRun = ({ run }: DownloadState, downloadId: string): OpenDownload | undefined =>
  isOpenDownload(run) && run.downloadId === downloadId ? run : undefined;

const requestDownload = ({ data }: RequestDownload, { run, runs }: DownloadState): DownloadEvent[] => {
  const { assetId, reason, priority, transferId, followed, claim } = data;
  if (run?.status === 'failed' && run.downloadId === followed) return [];
  const open = isOpenDownload(run) ? run : undefined;
  const downloadId = open?.downloadId ?? downloadIdOf(assetId, runs + 1);
  const events: DownloadEvent[] = [];
  if (!open) events.push({ type: 'DownloadRequested', data: { downloadId, reason, priority } });
  else if (transferId === undefined && priorityRank(priority) > priorityRank(open.requestedPriority)) events.push({ type: 'DownloadRaised', data: { downloadId, priority } });
  if (transferId !== undefined && !open?.followers.some((follower) => follower.transferId === transferId)) {
    events.push({ type: 'DownloadJoined', data: { downloadId, transferId, priority } });
  }
  if (!open && claim) events.push({ type: 'DownloadClaimed', data: { downloadId, workerId: claim.workerId, epoch: 1 } });
  return events;
};

const leaveDownload = ({ data: { transferId, ends } }: LeaveDownload, { run }: DownloadState): DownloadEvent[] => {
  if (!isOpenDownload(run) || !run.followers.some((follower) => follower.transferId === transferId)) return [];
  const { downloadId } = run;
  const left: DownloadEvent = { type: 'DownloadLeft', data: { downloadId, transferId } };
  const forNobody = (run.reason === 'transfer' || run.reason === ends) && run.followers.length === 1;
  return forNobody ? [left, { type: 'DownloadCancelled', data: { downloadId } }] : [left];
};

const claimDownload = ({ data }: ClaimDownload, state: DownloadState): DownloadEvent[] => {
  const { downloadId, workerId, fromEpoch } = data;
  if (openRun(state, downloadId)?.epoch !== fromEpoch) return [];
  return [{ type: 'DownloadClaimed', data: { downloadId, workerId, epoch: fromEpoch + 1 } }];
};

const startDownload = ({ data }: StartDownload, state: DownloadState): DownloadEvent[] => {
  const { downloadId, epoch, attempt, source, nodeId } = data;
  const run = openRun(state, downloadId);
  if (!run) throw downloadError('RUN_NOT_OPEN', { downloadId });
  if (run.status === 'requested' || run.epoch !== epoch) throw downloadError('STALE_EPOCH', { downloadId, epoch: run.epoch });
  if (run.status === 'downloading') {
    if (run.attempt === attempt && run.startedEpoch === epoch) return [];
    throw downloadError('ATTEMPT_OPEN', { downloadId, attempt: run.attempt });
  }
  if (attempt !== run.attempt + 1) throw downloadError('ATTEMPT_OUT_OF_ORDER', { downloadId, attempt: run.attempt });
  return [{ type: 'DownloadStarted', data: { downloadId, epoch, attempt, source, nodeId } }];
};

/** The run went to another worker since. */
const isStale = (run: OpenDownload, epoch: number | undefined): boolean => epoch !== undefined && run.epoch !== epoch;

const failDownloadAttempt = ({ data }: FailDownloadAttempt, state: DownloadState): DownloadEvent[] => {
  const { downloadId, attempt, epoch, kind, retryable, retryAt, message } = data;
  const run = openRun(state, downloadId);
  if (run?.status !== 'downloading' || run.attempt !== attempt || isStale(run, epoch)) return [];
  return [{ type: 'DownloadAttemptFailed', data: defined({ downloadId, attempt, kind, retryable, retryAt, message }) }];
};

const completeDownload = ({ data }: CompleteDownload, state: DownloadState): DownloadEvent[] => {
  const { downloadId, attempt, bytes, sha256, mimeType, kind, width, height, durationSeconds, durationMs, nodeId } = data;
  const run = openRun(state, downloadId);
  if (!run || attempt < run.attempt || (attempt === run.attempt && run.status === 'waiting')) return [];
  if (attempt !== run.attempt || run.status !== 'downloading') throw downloadError('ATTEMPT_NOT_STARTED', { downloadId, attempt });
  const facts = { bytes, sha256, mimeType, kind, width, height, durationSeconds, durationMs, nodeId };
  return [{ type: 'DownloadCompleted', data: defined({ downloadId, attempt, ...facts }) }];
};

const failDownload = ({ data: { downloadId, epoch, kind, message } }: FailDownload, state: DownloadState): DownloadEvent[] => {
  const run = openRun(state, downloadId);
  return run && !isStale(run, epoch) ? [{ type: 'DownloadFailed', data: { downloadId, kind, message } }] : [];
};

const cancelDownload = ({ data: { downloadId } }: CancelDownload, state: DownloadState): DownloadEvent[] =>
  openRun(state, downloadId) ? [{ type: 'DownloadCancelled', data: { downloadId } }] : [];

export const decide = (command: DownloadCommand, state: DownloadState): DownloadEvent[] => {
  switch (command.type) {
    case 'RequestDownload':
      return requestDownload(command, state);
    case 'LeaveDownload':
      return leaveDownload(command, state);
    case 'ClaimDownload':
      return claimDownload(command, state);
    case 'StartDownload':
      return startDownload(command, state);
    case 'FailDownloadAttempt':
      return failDownloadAttempt(command, state);
    case 'CompleteDownload':
      return completeDownload(command, state);
    case 'FailDownload':
      return failDownload(command, state);
    case 'CancelDownload':
      return cancelDownload(command, state);
    default:
      return unreachable(command);
  }
};

export const downloadDecider: Decider<DownloadState, DownloadCommand, DownloadEvent> = { decide, evolve, initialState };

export const downloadDefinition: StreamDefinition<DownloadState, DownloadCommand, DownloadEvent> = {
  category: DOWNLOAD_CATEGORY,
  eventTypes: DOWNLOAD_EVENT_TYPES,
  decider: downloadDecider,
};
