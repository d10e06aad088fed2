import type { Command, Priority, ReferenceForms, Route } from '@ferry/kernel';
import type { InvalidatedData, InvalidationReason, OrphanedData, ReleasedData, TransferReason, UploadFailedData, UploadStartedData } from './transfer.events';

/** Takes the run in the decision that makes it. */
export interface FirstClaim {
  readonly workerId: string;
}

interface OfRun {
  readonly transferId: string;
}

interface OfAttempt extends OfRun {
  readonly attempt: number;
}

/** Opens a run unless one is open or the reference lives long enough. */
export type RequestTransfer = Command<
  'RequestTransfer',
  Route & {
    readonly routeId: string;
    readonly reason: TransferReason;
    readonly priority: Priority;
    readonly claim?: FirstClaim;
    /** ISO date: a reference that lives until then is enough. Absent: transfer whatever there is. */
    readonly minAliveUntil?: string;
    /** The reference that does not live long enough although its event tells no end: its assumed life is over. A newer one is not meant. */
    readonly deadReferenceId?: string;
    /** How many uploads in an hour may follow from reports that the reference was refused. Absent: any number. */
    readonly reportsPerHour?: number;
  }
>;
/** A new run after one that failed or was cancelled. */
export type RetryTransfer = Command<'RetryTransfer', OfRun & { readonly claim?: FirstClaim }>;
export type RaiseTransfer = Command<'RaiseTransfer', OfRun & { readonly priority: Priority }>;
/** `fromEpoch` is the epoch that the claimer saw; 0 where nobody has claimed the run yet. */
export type ClaimTransfer = Command<'ClaimTransfer', OfRun & { readonly workerId: string; readonly fromEpoch: number }>;
/** No error means: the attempt is open and this epoch started it. */
export type StartUpload = Command<'StartUpload', UploadStartedData>;
/** No error means: this job may commit the upload. */
export type ReleaseUpload = Command<'ReleaseUpload', ReleasedData>;
export type AcceptUpload = Command<'AcceptUpload', OfAttempt & { readonly forms: ReferenceForms }>;
/**
 * `epoch`: nothing happens where another claim holds the run. `onlyUnreleased`: an attempt that was released stays open. `marker`: whether the upload stands at the vendor is not
 * known, so an attempt that was released leaves an orphan, in the same append.
 */
export type FailUpload = Command<'FailUpload', UploadFailedData & { readonly epoch?: number; readonly onlyUnreleased?: boolean; readonly marker?: string }>;
export type OrphanUpload = Command<'OrphanUpload', OrphanedData>;
export type CompleteTransfer = Command<'CompleteTransfer', OfAttempt & { readonly forms: ReferenceForms; readonly expiresAt?: string }>;
/** `epoch` and `marker` as in FailUpload. */
export type FailTransfer = Command<
  'FailTransfer',
  OfRun & { readonly epoch?: number; readonly kind: string; readonly message?: string; readonly retryAfter?: string; readonly marker?: string }
>;
/** `marker` as in FailUpload. */
export type CancelTransfer = Command<'CancelTransfer', OfRun & { readonly marker?: string }>;
export type InvalidateReference = Command<'InvalidateReference', Omit<InvalidatedData, 'reason' | 'invalidatedAt'> & { readonly reason: InvalidationReason }>;

export type TransferCommand =
  | RequestTransfer
  | RetryTransfer
  | RaiseTransfer
  | ClaimTransfer
  | StartUpload
  | ReleaseUpload
  | AcceptUpload
  | FailUpload
  | OrphanUpload
  | CompleteTransfer
  | FailTransfer
  | CancelTransfer
  | InvalidateReference;
