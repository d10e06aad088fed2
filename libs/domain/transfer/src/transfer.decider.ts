import { defined, parseRunId, priorityRank, sameJson, transferIdOf, unreachable, type Decider, type StreamDefinition } from '@ferry/kernel';
import type {
  AcceptUpload,
  CancelTransfer,
  ClaimTransfer,
  CompleteTransfer,
  FailTransfer,
  FailUpload,
  FirstClaim,
  InvalidateReference,
  OrphanUpload,
  RaiseTransfer,
  ReleaseUpload,
  RequestTransfer,
  RetryTransfer,
  StartUpload,
  TransferCommand,
} from './transfer.commands';
import { transferError } from './transfer.errors';
import { TRANSFER_CATEGORY, TRANSFER_EVENT_TYPES, type OrphanedData, type RequestedData, type TransferEvent } from './transfer.events';
import { evolve, initialState, isOpen, type OpenRun, type RouteReference, type RouteState } from './transfer.state';

/** Failures that trying again does not change; such a route is not tried again by itself for a while. */
const LASTING_KINDS: readonly string[] = ['rejected-by-policy', 'invalid-request', 'too-large', 'content-changed'];
const HOUR_MS = 60 * 60 * 1000;
const LASTING_MS = 24 * HOUR_MS;

/** The run that a command names, if it is the current one and still open. */
const openRun = ({ run }: RouteState, transferId: string): OpenRun | undefined =>
  isOpen(run) && run.transferId === transferId ? run : undefined;

const isStale = (run: OpenRun, epoch: number | undefined): boolean => epoch !== undefined && run.epoch !== epoch;

/** The vendor may have the whole upload. */
const isReleased = ({ status }: OpenRun): boolean => status === 'released' || status === 'accepted';

/** The number of a run that this route has or had, or undefined. */
const knownRun = ({ run, runs }: RouteState, transferId: string): number | undefined => {
  const current = run && parseRunId(run.transferId);
  const named = parseRunId(transferId);
  return current && named && named.subjectId === current.subjectId && named.run <= runs ? named.run : undefined;
};

const livesUntil = (reference: RouteReference | undefined, { minAliveUntil, deadReferenceId }: RequestTransfer['data']): boolean =>
  reference !== undefined &&
  minAliveUntil !== undefined &&
  reference.referenceId !== deadReferenceId &&
  (reference.expiresAt === undefined || Date.parse(reference.expiresAt) >= Date.parse(minAliveUntil));

const refuseLasting = ({ run }: RouteState, now: string): void => {
  if (run?.status !== 'failed' || !LASTING_KINDS.includes(run.kind)) return;
  const until = Date.parse(run.failedAt) + LASTING_MS;
  if (Date.parse(now) >= until) return;
  const { transferId, kind, message } = run;
  throw transferError('TRANSFER_REFUSED', defined({ transferId, kind, message, until: new Date(until).toISOString() }));
};

/** Each report leads to one paid upload: a caller, or a provider, that refuses whatever it gets would make an endless loop of them. */
const refuseLoop = ({ reference, reports = [] }: RouteState, allowed: number | undefined, now: string): void => {
  if (reference !== undefined || allowed === undefined) return;
  const recent = reports.filter((date) => Date.parse(now) - Date.parse(date) < HOUR_MS);
  // The report that has to be an hour old before the others are few enough.
  const last = recent.at(-allowed - 1);
  if (last === undefined) return;
  throw transferError('TOO_MANY_REPORTS', { reports: recent.length, allowed, until: new Date(Date.parse(last) + HOUR_MS).toISOString() });
};

const newRun = (data: RequestedData, claim?: FirstClaim): TransferEvent[] => [
  { type: 'TransferRequested', data },
  ...(claim ? [{ type: 'TransferClaimed', data: { transferId: data.transferId, workerId: claim.workerId, epoch: 1 } } as const] : []),
];

const raise = (run: OpenRun, { priority }: Pick<RequestedData, 'priority'>): TransferEvent[] =>
  priorityRank(priority) > priorityRank(run.priority) ? [{ type: 'TransferRaised', data: { transferId: run.transferId, priority } }] : [];

const requestTransfer = ({ data, metadata: { now } }: RequestTransfer, state: RouteState): TransferEvent[] => {
  if (isOpen(state.run)) return raise(state.run, data);
  if (livesUntil(state.reference, data)) return [];
  refuseLasting(state, now);
  refuseLoop(state, data.reportsPerHour, now);
  const { routeId, assetId, providerId, accountId, variant, reason, priority, claim } = data;
  const transferId = transferIdOf(routeId, state.runs + 1);
  return newRun({ transferId, assetId, providerId, accountId, variant, reason, priority }, claim);
};

const retryTransfer = ({ data }: RetryTransfer, state: RouteState): TransferEvent[] => {
  const { run, route } = state;
  if (!run || !route || knownRun(state, data.transferId) === undefined) throw transferError('UNKNOWN_TRANSFER', { transferId: data.transferId });
  if (run.transferId !== data.transferId || (run.status !== 'failed' && run.status !== 'cancelled')) return [];
  const { subjectId: routeId } = parseRunId(run.transferId)!;
  return newRun({ transferId: transferIdOf(routeId, run.run + 1), ...route, reason: run.reason, priority: run.priority }, data.claim);
};

const raiseTransfer = ({ data }: RaiseTransfer, state: RouteState): TransferEvent[] => {
  const run = openRun(state, data.transferId);
  return run ? raise(run, data) : [];
};

const claimTransfer = ({ data }: ClaimTransfer, state: RouteState): TransferEvent[] => {
  const { transferId, workerId, fromEpoch } = data;
  if (openRun(state, transferId)?.epoch !== fromEpoch) return [];
  return [{ type: 'TransferClaimed', data: { transferId, workerId, epoch: fromEpoch + 1 } }];
};

const startUpload = ({ data }: StartUpload, state: RouteState): TransferEvent[] => {
  const { transferId, epoch, attempt, follows } = data;
  const run = openRun(state, transferId);
  if (!run) throw transferError('RUN_NOT_OPEN', { transferId });
  if (run.status === 'requested' || run.epoch !== epoch) throw transferError('STALE_EPOCH', { transferId, epoch: run.epoch });
  if ('startedEpoch' in run) {
    if (run.attempt === attempt && run.startedEpoch === epoch) return [];
    throw transferError('ATTEMPT_OPEN', { transferId, attempt: run.attempt });
  }
  if (attempt !== run.attempt + 1) throw transferError('ATTEMPT_OUT_OF_ORDER', { transferId, attempt: run.attempt });
  return [{ type: 'UploadStarted', data: defined({ transferId, epoch, attempt, follows }) }];
};

const releaseUpload = ({ data }: ReleaseUpload, state: RouteState): TransferEvent[] => {
  const { transferId, epoch, attempt, jobId, sizeBytes, sha256 } = data;
  const run = openRun(state, transferId);
  const refused = (reason: string) => transferError('UPLOAD_NOT_RELEASABLE', { transferId, attempt, reason });
  if (!run) throw refused('the transfer is not open');
  if (run.epoch !== epoch) throw refused('another worker holds the transfer');
  if (!('startedEpoch' in run) || run.attempt !== attempt) throw refused('the attempt is not open');
  if (run.status === 'uploading') return [{ type: 'UploadReleased', data: { transferId, epoch, attempt, jobId, sizeBytes, sha256 } }];
  if (run.jobId !== jobId || run.sizeBytes !== sizeBytes || run.sha256 !== sha256) throw refused('another job was released');
  return [];
};

/** The open attempt that a report is about; undefined where it comes late. Refused where nothing can have been committed. */
const releasedAttempt = (state: RouteState, { transferId, attempt }: { transferId: string; attempt: number }) => {
  const run = openRun(state, transferId);
  if (!run || attempt < run.attempt || (attempt === run.attempt && run.status === 'waiting')) return undefined;
  if (attempt === run.attempt && (run.status === 'released' || run.status === 'accepted')) return run;
  throw transferError('UPLOAD_NOT_RELEASED', { transferId, attempt, status: run.status });
};

const acceptUpload = ({ data }: AcceptUpload, state: RouteState): TransferEvent[] => {
  const { transferId, attempt, forms } = data;
  return releasedAttempt(state, data)?.status === 'released' ? [{ type: 'UploadAccepted', data: { transferId, attempt, forms } }] : [];
};

const failUpload = ({ data }: FailUpload, state: RouteState): TransferEvent[] => {
  const { transferId, attempt, epoch, kind, retryable, retryAt, message, lookUpAt, onlyUnreleased, marker } = data;
  const run = openRun(state, transferId);
  if (!run || !('startedEpoch' in run) || run.attempt !== attempt || isStale(run, epoch)) return [];
  if (isReleased(run) && onlyUnreleased) return [];
  const failed: TransferEvent = { type: 'UploadFailed', data: defined({ transferId, attempt, kind, retryable, retryAt, message, lookUpAt }) };
  return isReleased(run) && marker !== undefined ? [failed, ...orphaned({ transferId, attempt, marker, reason: message }, state)] : [failed];
};

const orphaned = ({ transferId, attempt, marker, forms, reason }: OrphanedData, state: RouteState): TransferEvent[] => {
  const known = state.orphans.some(
    (orphan) => orphan.transferId === transferId && orphan.attempt === attempt && orphan.marker === marker && sameJson(orphan.forms, forms),
  );
  return known ? [] : [{ type: 'UploadOrphaned', data: defined({ transferId, attempt, marker, forms, reason }) }];
};

const orphanUpload = ({ data }: OrphanUpload, state: RouteState): TransferEvent[] => {
  const { transferId } = data;
  if (knownRun(state, transferId) === undefined) throw transferError('UNKNOWN_TRANSFER', { transferId });
  return orphaned(data, state);
};

/** One append, so that nobody sees an upload that ended without its reference. */
const completeTransfer = ({ data, metadata: { now } }: CompleteTransfer, state: RouteState): TransferEvent[] => {
  const { transferId, attempt, forms, expiresAt } = data;
  if (!releasedAttempt(state, data)) return [];
  return [
    { type: 'UploadCompleted', data: { transferId, attempt } },
    { type: 'ProviderUrlCached', data: defined({ transferId, referenceId: transferId, forms, expiresAt }) },
    { type: 'TransferCompleted', data: { transferId, completedAt: now } },
  ];
};

const failTransfer = ({ data, metadata: { now } }: FailTransfer, state: RouteState): TransferEvent[] => {
  const { transferId, epoch, kind, message, retryAfter, marker } = data;
  const run = openRun(state, transferId);
  if (!run || isStale(run, epoch)) return [];
  const failed: TransferEvent = { type: 'TransferFailed', data: defined({ transferId, kind, message, retryAfter, failedAt: now }) };
  const { attempt } = run;
  return isReleased(run) && marker !== undefined ? [...orphaned({ transferId, attempt, marker, reason: message ?? kind }, state), failed] : [failed];
};

const cancelTransfer = ({ data: { transferId, marker } }: CancelTransfer, state: RouteState): TransferEvent[] => {
  if (knownRun(state, transferId) === undefined) throw transferError('UNKNOWN_TRANSFER', { transferId });
  const run = openRun(state, transferId);
  if (!run) return [];
  const cancelled: TransferEvent = { type: 'TransferCancelled', data: { transferId } };
  const { attempt } = run;
  const reason = 'Cancelled after its release; whether it stands is not known.';
  return isReleased(run) && marker !== undefined ? [...orphaned({ transferId, attempt, marker, reason }, state), cancelled] : [cancelled];
};

const invalidateReference = ({ data, metadata: { now } }: InvalidateReference, { reference }: RouteState): TransferEvent[] => {
  const { referenceId, reason, reportedBy, personal } = data;
  if (reference?.referenceId !== referenceId) return [];
  return [{ type: 'ProviderUrlInvalidated', data: defined({ referenceId, reason, reportedBy, invalidatedAt: now, personal }) }];
};

export const decide = (command: TransferCommand, state: RouteState): TransferEvent[] => {
  switch (command.type) {
    case 'RequestTransfer':
      return requestTransfer(command, state);
    case 'RetryTransfer':
      return retryTransfer(command, state);
    case 'RaiseTransfer':
      return raiseTransfer(command, state);
    case 'ClaimTransfer':
      return claimTransfer(command, state);
    case 'StartUpload':
      return startUpload(command, state);
    case 'ReleaseUpload':
      return releaseUpload(command, state);
    case 'AcceptUpload':
      return acceptUpload(command, state);
    case 'FailUpload':
      return failUpload(command, state);
    case 'OrphanUpload':
      return orphanUpload(command, state);
    case 'CompleteTransfer':
      return completeTransfer(command, state);
    case 'FailTransfer':
      return failTransfer(command, state);
    case 'CancelTransfer':
      return cancelTransfer(command, state);
    case 'InvalidateReference':
      return invalidateReference(command, state);
    default:
      return unreachable(command);
  }
};

export const transferDecider: Decider<RouteState, TransferCommand, TransferEvent> = { decide, evolve, initialState };

export const transferDefinition: StreamDefinition<RouteState, TransferCommand, TransferEvent> = {
  category: TRANSFER_CATEGORY,
  eventTypes: TRANSFER_EVENT_TYPES,
  decider: transferDecider,
};
