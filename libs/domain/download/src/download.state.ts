import { priorityRank, unreachable, type CopyLocation, type Priority } from '@ferry/kernel';
import type { DownloadCompletedData, DownloadEvent, DownloadReason } from './download.events';

/** A transfer, or a warming, that waits for the bytes. */
export interface Follower {
  readonly transferId: string;
  readonly priority: Priority;
}

interface RunFacts {
  readonly downloadId: string;
  /** Counts from 1 in the asset. */
  readonly run: number;
  readonly reason: DownloadReason;
  /** The last claim's number; 0 before the first. */
  readonly epoch: number;
  /** The last attempt's number; 0 before the first. */
  readonly attempt: number;
}

interface OpenFacts extends RunFacts {
  /** As requested, or raised; `priorityOf` counts the followers in. */
  readonly requestedPriority: Priority;
  readonly followers: readonly Follower[];
}

interface Held {
  readonly workerId: string;
}

export type ClaimedDownload = OpenFacts &
  Held &
  (
    | { readonly status: 'claimed' }
    | {
        readonly status: 'downloading';
        /** The epoch that started the open attempt; a take-over joins it under its own. */
        readonly startedEpoch: number;
        readonly source: CopyLocation;
        readonly nodeId: string;
      }
    | { readonly status: 'waiting'; readonly kind: string; readonly retryable: boolean; readonly retryAt?: string; readonly message: string }
  );

export type OpenDownload = (OpenFacts & { readonly status: 'requested' }) | ClaimedDownload;

export type EndedDownload = RunFacts &
  (
    | { readonly status: 'completed'; readonly content: Omit<DownloadCompletedData, 'downloadId' | 'attempt'> }
    | { readonly status: 'failed'; readonly kind: string; readonly message: string }
    | { readonly status: 'cancelled' }
  );

export type DownloadRun = OpenDownload | EndedDownload;

export interface DownloadState {
  readonly run?: DownloadRun;
  /** How many runs there were. */
  readonly runs: number;
}

export const initialState = (): DownloadState => ({ runs: 0 });

export const isOpenDownload = (run: DownloadRun | undefined): run is OpenDownload =>
  run !== undefined && run.status !== 'completed' && run.status !== 'failed' && run.status !== 'cancelled';

/** The highest of the request's and of those who follow now. */
export const priorityOf = ({ requestedPriority, followers }: OpenDownload): Priority =>
  followers.reduce((highest, { priority }) => (priorityRank(priority) > priorityRank(highest) ? priority : highest), requestedPriority);

const factsOf = ({ downloadId, run, reason, epoch, attempt }: DownloadRun): RunFacts => ({ downloadId, run, reason, epoch, attempt });

const openFactsOf = (run: OpenDownload): OpenFacts => ({
  ...factsOf(run),
  requestedPriority: run.requestedPriority,
  followers: run.followers,
});

type AttemptEvent = Extract<DownloadEvent, { type: 'DownloadStarted' | 'DownloadAttemptFailed' }>;

const evolveAttempt = (run: ClaimedDownload, event: AttemptEvent): DownloadRun => {
  const held = { ...openFactsOf(run), workerId: run.workerId };
  if (event.type === 'DownloadStarted') {
    const { attempt, epoch, source, nodeId } = event.data;
    return { ...held, status: 'downloading', attempt, startedEpoch: epoch, source, nodeId };
  }
  const { kind, retryable, retryAt, message } = event.data;
  return { ...held, status: 'waiting', kind, retryable, message, ...(retryAt !== undefined && { retryAt }) };
};

const evolveRun = (run: OpenDownload, event: Exclude<DownloadEvent, { type: 'DownloadRequested' }>): DownloadRun => {
  switch (event.type) {
    case 'DownloadRaised':
      return { ...run, requestedPriority: event.data.priority };
    case 'DownloadJoined': {
      const { transferId, priority } = event.data;
      return { ...run, followers: [...run.followers, { transferId, priority }] };
    }
    case 'DownloadLeft':
      return { ...run, followers: run.followers.filter(({ transferId }) => transferId !== event.data.transferId) };
    case 'DownloadClaimed': {
      const { workerId, epoch } = event.data;
      return run.status === 'requested' ? { ...run, status: 'claimed', workerId, epoch } : { ...run, workerId, epoch };
    }
    case 'DownloadStarted':
    case 'DownloadAttemptFailed':
      return run.status === 'requested' ? run : evolveAttempt(run, event);
    case 'DownloadCompleted': {
      const { downloadId: _, attempt: __, ...content } = event.data;
      return { ...factsOf(run), status: 'completed', content };
    }
    case 'DownloadFailed':
      return { ...factsOf(run), status: 'failed', kind: event.data.kind, message: event.data.message };
    case 'DownloadCancelled':
      return { ...factsOf(run), status: 'cancelled' };
    default:
      return unreachable(event);
  }
};

export const evolve = (state: DownloadState, event: DownloadEvent): DownloadState => {
  if (event.type === 'DownloadRequested') {
    const { downloadId, reason, priority } = event.data;
    const run = state.runs + 1;
    return {
      runs: run,
      run: { status: 'requested', downloadId, run, reason, requestedPriority: priority, followers: [], epoch: 0, attempt: 0 },
    };
  }
  if (!isOpenDownload(state.run) || state.run.downloadId !== event.data.downloadId) return state;
  return { ...state, run: evolveRun(state.run, event) };
};
