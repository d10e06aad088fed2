import type { Command, Priority, ReferenceForms, Route } from '@ferry/kernel';
import type { InvalidatedData, OrphanedData, ReleasedData, TransferReason, UploadFailedData } from './transfer.events';

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
  }
>;
/** A new run after one that failed or was cancelled. */
export type RetryTransfer = Command<'RetryTransfer', OfRun & { readonly claim?: FirstClaim }>;
export type RaiseTransfer = Command<'RaiseTransfer', OfRun & { readonly priority: Priority }>;
/** `fromEpoch` is the epoch that the claimer saw; 0 where nobody has claimed the run yet. */
export type ClaimTransfer = Command<'ClaimTransfer', OfRun & { readonly workerId: string; readonly fromEpoch: number }>;
/** No error means: the attempt is open and this epoch started it. */
export type StartUpload = Command<'StartUpload', OfAttempt & { readonly epoch: number }>;
/** No error means: this job may commit the upload. */
export type ReleaseUpload = Command<'ReleaseUpload', ReleasedData>;
export type AcceptUpload = Command<'AcceptUpload', OfAttempt & { readonly forms: ReferenceForms }>;
export type FailUpload = Command<'FailUpload', UploadFailedData>;
export type OrphanUpload = Command<'OrphanUpload', OrphanedData>;
export type CompleteTransfer = Command<'CompleteTransfer', OfAttempt & { readonly forms: ReferenceForms; readonly expiresAt?: string }>;
export type FailTransfer = Command<'FailTransfer', OfRun & { readonly kind: string; readonly message?: string; readonly retryAfter?: string }>;
export type CancelTransfer = Command<'CancelTransfer', OfRun>;
export type InvalidateReference = Command<'InvalidateReference', InvalidatedData>;

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
