import type { Command, Priority } from '@ferry/kernel';
import type {
  DownloadAttemptFailedData,
  DownloadCompletedData,
  DownloadFailedData,
  DownloadReason,
  DownloadStartedData,
} from './download.events';

interface OfRun {
  readonly downloadId: string;
}

/** Opens a run, or joins the open one. */
export type RequestDownload = Command<
  'RequestDownload',
  {
    readonly assetId: string;
    readonly reason: DownloadReason;
    readonly priority: Priority;
    /** The follower. */
    readonly transferId?: string;
    /** Takes the run in the decision that makes it. */
    readonly claim?: { readonly workerId: string };
  }
>;
/** The last follower's leaving ends a run of reason `transfer`. */
export type LeaveDownload = Command<'LeaveDownload', { readonly transferId: string }>;
/** `fromEpoch` is the epoch that the claimer saw; 0 where nobody has claimed the run yet. */
export type ClaimDownload = Command<'ClaimDownload', OfRun & { readonly workerId: string; readonly fromEpoch: number }>;
/** No error means: the attempt is open and this epoch started it. */
export type StartDownload = Command<'StartDownload', DownloadStartedData>;
export type FailDownloadAttempt = Command<'FailDownloadAttempt', DownloadAttemptFailedData>;
export type CompleteDownload = Command<'CompleteDownload', DownloadCompletedData>;
export type FailDownload = Command<'FailDownload', DownloadFailedData>;
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
