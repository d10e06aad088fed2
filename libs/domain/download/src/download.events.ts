import { eventTypesOf, type CopyLocation, type DomainEvent, type Priority, type VerifiedFacts } from '@ferry/kernel';

/** Prefix of the streams of an asset's downloads. */
export const DOWNLOAD_CATEGORY = 'download-';
export const downloadStream = (assetId: string): string => `${DOWNLOAD_CATEGORY}${assetId}`;

export type DownloadReason = 'transfer' | 'warm' | 'capture' | 'evacuate';

interface OfRun {
  readonly downloadId: string;
}

interface OfAttempt extends OfRun {
  /** Counts from 1 in its run. */
  readonly attempt: number;
}

export interface DownloadStartedData extends OfAttempt {
  readonly epoch: number;
  /** Where the bytes come from. */
  readonly source: CopyLocation;
  /** The cache node that takes them. */
  readonly nodeId: string;
}

export interface DownloadAttemptFailedData extends OfAttempt {
  /** A provider's error kind, or one of Ferry's own such as `content-changed`. */
  readonly kind: string;
  readonly retryable: boolean;
  /** ISO date of the next attempt. */
  readonly retryAt?: string;
  /** Redacted: no links, keys or personal data. */
  readonly message: string;
}

export interface DownloadCompletedData extends OfAttempt, Omit<VerifiedFacts, 'sizeBytes'> {
  readonly bytes: number;
  readonly sha256: string;
  /** How long the attempt took. */
  readonly durationMs: number;
  readonly nodeId: string;
}

export interface DownloadFailedData extends OfRun {
  readonly kind: string;
  /** Redacted: no links, keys or personal data. */
  readonly message: string;
}

export type DownloadEvent =
  | DomainEvent<'DownloadRequested', OfRun & { readonly reason: DownloadReason; readonly priority: Priority }>
  /** Its own priority, beside those of its followers. */
  | DomainEvent<'DownloadRaised', OfRun & { readonly priority: Priority }>
  | DomainEvent<'DownloadJoined', OfRun & { readonly transferId: string; readonly priority: Priority }>
  | DomainEvent<'DownloadLeft', OfRun & { readonly transferId: string }>
  | DomainEvent<'DownloadClaimed', OfRun & { readonly workerId: string; readonly epoch: number }>
  | DomainEvent<'DownloadStarted', DownloadStartedData>
  | DomainEvent<'DownloadAttemptFailed', DownloadAttemptFailedData>
  | DomainEvent<'DownloadCompleted', DownloadCompletedData>
  | DomainEvent<'DownloadFailed', DownloadFailedData>
  | DomainEvent<'DownloadCancelled', OfRun>;

export const DOWNLOAD_EVENT_TYPES = eventTypesOf<DownloadEvent>({
  DownloadRequested: true,
  DownloadRaised: true,
  DownloadJoined: true,
  DownloadLeft: true,
  DownloadClaimed: true,
  DownloadStarted: true,
  DownloadAttemptFailed: true,
  DownloadCompleted: true,
  DownloadFailed: true,
  DownloadCancelled: true,
});
