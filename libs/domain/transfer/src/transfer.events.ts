import { eventTypesOf, type DomainEvent, type Priority, type ReferenceForms, type Route } from '@ferry/kernel';

/** Prefix of a route's stream. */
export const TRANSFER_CATEGORY = 'transfer-';
export const transferStream = (routeId: string): string => `${TRANSFER_CATEGORY}${routeId}`;

export type TransferReason = 'resolve' | 'refresh' | 'evacuate';

interface OfRun {
  readonly transferId: string;
}

interface OfAttempt extends OfRun {
  /** Counts from 1 in its run. */
  readonly attempt: number;
}

export interface RequestedData extends OfRun, Route {
  readonly reason: TransferReason;
  readonly priority: Priority;
}

export interface ReleasedData extends OfAttempt {
  /** Of the claim that gave the release. */
  readonly epoch: number;
  readonly jobId: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface UploadStartedData extends OfAttempt {
  readonly epoch: number;
  /** The attempt of a download that the bytes are read from while it runs; absent: from the cached file. */
  readonly follows?: { readonly downloadId: string; readonly attempt: number };
}

/**
 * Kind of an attempt whose bytes did not reach the provider whole because Ferry could not read on: the download that it
 * followed broke off, or the cached file was lost. It says nothing of the provider, so it counts neither against the
 * provider nor as one of the tries that a run has there.
 */
export const SOURCE_BROKEN = 'source-broken';

export interface UploadFailedData extends OfAttempt {
  /** A provider's error kind, or one of Ferry's own such as `content-changed`. */
  readonly kind: string;
  readonly retryable: boolean;
  /** ISO date of the next attempt. */
  readonly retryAt?: string;
  /** Redacted: no links, keys or personal data. */
  readonly message: string;
  /** ISO date. It was released, the vendor lists nothing of it, and until then it may come to stand all the same: it is looked up once more. */
  readonly lookUpAt?: string;
}

export interface OrphanedData extends OfAttempt {
  /** Begins the file's name at the vendor: `ferry-{transferId}`. */
  readonly marker: string;
  readonly forms?: ReferenceForms;
  readonly reason: string;
}

export interface ProviderUrlCachedData extends OfRun {
  /** The transferId that made it. */
  readonly referenceId: string;
  readonly forms: ReferenceForms;
  readonly expiresAt?: string;
}

export interface TransferFailedData extends OfRun {
  readonly kind: string;
  /** Redacted: no links, keys or personal data. */
  readonly message?: string;
  /** ISO date before which another try is pointless. */
  readonly retryAfter?: string;
  readonly failedAt: string;
}

/** Why a reference counts no more: somebody reported that the provider refused it, or the provider was asked and says it is gone. */
export const INVALIDATION_REASONS = ['reported', 'gone'] as const;
export type InvalidationReason = (typeof INVALIDATION_REASONS)[number];

export interface InvalidatedData {
  readonly referenceId: string;
  /** An InvalidationReason. Events of before have the reporter's own words here. */
  readonly reason: string;
  readonly reportedBy: string;
  /** ISO date; absent in events of before. */
  readonly invalidatedAt?: string;
  /** What the reporter said. */
  readonly personal?: { readonly reason: string };
}

export type TransferEvent =
  | DomainEvent<'TransferRequested', RequestedData>
  | DomainEvent<'TransferRaised', OfRun & { readonly priority: Priority }>
  | DomainEvent<'TransferClaimed', OfRun & { readonly workerId: string; readonly epoch: number }>
  | DomainEvent<'UploadStarted', UploadStartedData>
  | DomainEvent<'UploadReleased', ReleasedData>
  /** The vendor has the bytes and still processes; `forms` say what to await. */
  | DomainEvent<'UploadAccepted', OfAttempt & { readonly forms: ReferenceForms }>
  | DomainEvent<'UploadFailed', UploadFailedData>
  /** A copy at the vendor that nobody refers to; also after the run's end. */
  | DomainEvent<'UploadOrphaned', OrphanedData>
  | DomainEvent<'UploadCompleted', OfAttempt>
  | DomainEvent<'ProviderUrlCached', ProviderUrlCachedData>
  | DomainEvent<'TransferCompleted', OfRun & { readonly completedAt: string }>
  | DomainEvent<'TransferFailed', TransferFailedData>
  | DomainEvent<'TransferCancelled', OfRun>
  | DomainEvent<'ProviderUrlInvalidated', InvalidatedData>;

export const TRANSFER_EVENT_TYPES = eventTypesOf<TransferEvent>({
  TransferRequested: true,
  TransferRaised: true,
  TransferClaimed: true,
  UploadStarted: true,
  UploadReleased: true,
  UploadAccepted: true,
  UploadFailed: true,
  UploadOrphaned: true,
  UploadCompleted: true,
  ProviderUrlCached: true,
  TransferCompleted: true,
  TransferFailed: true,
  TransferCancelled: true,
  ProviderUrlInvalidated: true,
});

/** Prefix of the streams of uses, one per slot; written in batches, without decisions. */
export const USAGE_CATEGORY = 'usage-';
export const usageStream = (slot: number): string => `${USAGE_CATEGORY}${slot}`;

/** At most this many uses in one event. */
export const MAX_USES_PER_EVENT = 5_000;

export type UsageEvent = DomainEvent<
  'ReferencesUsed',
  {
    /** ISO date of the minute's start. */
    readonly minute: string;
    readonly uses: readonly { readonly routeId: string; readonly assetId: string }[];
  }
>;

export const USAGE_EVENT_TYPES = eventTypesOf<UsageEvent>({ ReferencesUsed: true });
