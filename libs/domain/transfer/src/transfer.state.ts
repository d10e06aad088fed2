import { unreachable, type Priority, type ReferenceForms, type Route } from '@ferry/kernel';
import { SOURCE_BROKEN, type OrphanedData, type TransferEvent, type TransferReason, type UploadStartedData } from './transfer.events';

/** What a provider accepts now, as far as its stream knows; its expiry is the clock's business. */
export interface RouteReference {
  readonly referenceId: string;
  readonly forms: ReferenceForms;
  readonly expiresAt?: string;
  /** ISO date of the transfer's end: an assumed lifetime counts from here. */
  readonly cachedAt?: string;
}

interface RunFacts {
  readonly transferId: string;
  /** Counts from 1 in the route. */
  readonly run: number;
  readonly reason: TransferReason;
  readonly priority: Priority;
  /** The last claim's number; 0 before the first. */
  readonly epoch: number;
  /** The last attempt's number; 0 before the first. */
  readonly attempt: number;
  /** How many of the attempts ended as `source-broken`; absent: none. */
  readonly sourceBroken?: number;
}

interface Held {
  readonly workerId: string;
}

interface AttemptStarted extends Held {
  /** The epoch that started the open attempt; a take-over joins it under its own. */
  readonly startedEpoch: number;
  readonly follows?: UploadStartedData['follows'];
}

interface Released extends AttemptStarted {
  readonly jobId: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

interface AttemptFailed extends Held {
  readonly kind: string;
  readonly retryable: boolean;
  readonly retryAt?: string;
  readonly message: string;
  /** Of an attempt that ended as `source-broken`: the download that it followed. */
  readonly followed?: string;
}

export type ClaimedRun = RunFacts &
  (
    | ({ readonly status: 'claimed' } & Held)
    | ({ readonly status: 'uploading' } & AttemptStarted)
    | ({ readonly status: 'released' } & Released)
    | ({ readonly status: 'accepted'; readonly forms: ReferenceForms } & Released)
    | ({ readonly status: 'waiting' } & AttemptFailed)
  );

export type OpenRun = (RunFacts & { readonly status: 'requested' }) | ClaimedRun;

export type EndedRun = RunFacts &
  (
    | { readonly status: 'completed'; readonly completedAt: string }
    | { readonly status: 'failed'; readonly kind: string; readonly message?: string; readonly retryAfter?: string; readonly failedAt: string }
    | { readonly status: 'cancelled' }
  );

export type TransferRun = OpenRun | EndedRun;

/** A route. The reference stands beside the run, so that a refresh never hides one that is still valid. */
export interface RouteState {
  readonly route?: Route;
  readonly reference?: RouteReference;
  readonly run?: TransferRun;
  /** How many runs there were. */
  readonly runs: number;
  /** ISO dates of the last reports that a reference was refused, the oldest first; at most `MAX_REPORTS`. Absent where there was none. */
  readonly reports?: readonly string[];
  readonly orphans: readonly OrphanedData[];
}

/** More reports than this are not remembered: what may follow from them is decided long before. */
export const MAX_REPORTS = 100;

export const initialState = (): RouteState => ({ runs: 0, orphans: [] });

export const isOpen = (run: TransferRun | undefined): run is OpenRun =>
  run !== undefined && run.status !== 'completed' && run.status !== 'failed' && run.status !== 'cancelled';

const factsOf = ({ transferId, run, reason, priority, epoch, attempt, sourceBroken }: TransferRun): RunFacts => ({
  transferId,
  run,
  reason,
  priority,
  epoch,
  attempt,
  ...(sourceBroken !== undefined && { sourceBroken }),
});

type RunEvent = Exclude<TransferEvent, { type: 'TransferRequested' | 'ProviderUrlInvalidated' | 'UploadOrphaned' | 'ProviderUrlCached' | 'UploadCompleted' }>;

const followedBy = (run: ClaimedRun): Pick<AttemptFailed, 'followed'> =>
  'follows' in run && run.follows ? { followed: run.follows.downloadId } : {};

const evolveClaimed = (run: ClaimedRun, event: RunEvent): TransferRun => {
  const held = { ...factsOf(run), workerId: run.workerId };
  switch (event.type) {
    case 'UploadStarted': {
      const { attempt, epoch, follows } = event.data;
      return { ...held, status: 'uploading', attempt, startedEpoch: epoch, ...(follows !== undefined && { follows }) };
    }
    case 'UploadReleased': {
      if (run.status !== 'uploading') return run;
      const { jobId, sizeBytes, sha256 } = event.data;
      return { ...run, status: 'released', jobId, sizeBytes, sha256 };
    }
    case 'UploadAccepted':
      return run.status === 'released' ? { ...run, status: 'accepted', forms: event.data.forms } : run;
    case 'UploadFailed': {
      const { kind, retryable, retryAt, message } = event.data;
      const broken = kind === SOURCE_BROKEN && { sourceBroken: (run.sourceBroken ?? 0) + 1, ...followedBy(run) };
      return { ...held, ...broken, status: 'waiting', kind, retryable, message, ...(retryAt !== undefined && { retryAt }) };
    }
    default:
      return run;
  }
};

const evolveRun = (run: OpenRun, event: RunEvent): TransferRun => {
  switch (event.type) {
    case 'TransferRaised':
      return { ...run, priority: event.data.priority };
    case 'TransferClaimed': {
      const { workerId, epoch } = event.data;
      return run.status === 'requested' ? { ...run, status: 'claimed', workerId, epoch } : { ...run, workerId, epoch };
    }
    case 'UploadStarted':
    case 'UploadReleased':
    case 'UploadAccepted':
    case 'UploadFailed':
      return run.status === 'requested' ? run : evolveClaimed(run, event);
    case 'TransferCompleted':
      return { ...factsOf(run), status: 'completed', completedAt: event.data.completedAt };
    case 'TransferFailed': {
      const { transferId: _, ...failure } = event.data;
      return { ...factsOf(run), status: 'failed', ...failure };
    }
    case 'TransferCancelled':
      return { ...factsOf(run), status: 'cancelled' };
    default:
      return unreachable(event);
  }
};

const requested = (state: RouteState, { data }: Extract<TransferEvent, { type: 'TransferRequested' }>): RouteState => {
  const { transferId, reason, priority, assetId, providerId, accountId, variant } = data;
  const run = state.runs + 1;
  return {
    ...state,
    route: { assetId, providerId, accountId, variant },
    runs: run,
    run: { status: 'requested', transferId, run, reason, priority, epoch: 0, attempt: 0 },
  };
};

/** A reference's life begins with the end of the transfer that made it. */
const dated = (reference: RouteReference | undefined, event: TransferEvent): { reference?: RouteReference } => {
  if (!reference) return {};
  const made = event.type === 'TransferCompleted' && event.data.transferId === reference.referenceId;
  return { reference: made ? { ...reference, cachedAt: event.data.completedAt } : reference };
};

export const evolve = (state: RouteState, event: TransferEvent): RouteState => {
  switch (event.type) {
    case 'TransferRequested':
      return requested(state, event);
    case 'UploadOrphaned':
      return { ...state, orphans: [...state.orphans, event.data] };
    case 'UploadCompleted':
      return state;
    case 'ProviderUrlCached': {
      const { transferId: _, ...reference } = event.data;
      return { ...state, reference };
    }
    case 'ProviderUrlInvalidated': {
      const { referenceId, reason, invalidatedAt } = event.data;
      if (state.reference?.referenceId !== referenceId) return state;
      const { reference: _, ...rest } = state;
      if (reason !== 'reported' || invalidatedAt === undefined) return rest;
      return { ...rest, reports: [...(rest.reports ?? []), invalidatedAt].slice(-MAX_REPORTS) };
    }
    default: {
      const { run } = state;
      if (!isOpen(run) || run.transferId !== event.data.transferId) return state;
      return { ...state, ...dated(state.reference, event), run: evolveRun(run, event) };
    }
  }
};
