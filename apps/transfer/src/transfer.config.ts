import { IsInt, Max, Min } from 'class-validator';

export class TransferConfig {
  /** Runs that one process works on at the same time, transfers and downloads each. */
  @IsInt() @Min(1) @Max(1_000) TRANSFER_WORKERS = 8;
  /** Of these, how many are kept for resolves; at least one is for everything. */
  @IsInt() @Min(0) @Max(1_000) TRANSFER_RESERVED_WORKERS = 2;
  /** Runs of one process that wait for a permit or a download beside those that are worked on. */
  @IsInt() @Min(0) @Max(10_000) TRANSFER_WAITING = 32;
  /** Tries of one upload or download before the run fails. */
  @IsInt() @Min(1) @Max(20) TRANSFER_ATTEMPTS = 3;
  /** Milliseconds of the first wait between tries; grows by two, with full jitter. */
  @IsInt() @Min(1) @Max(60_000) TRANSFER_BACKOFF_MS = 500;
  /** Milliseconds, from its first failure on, in which a run is tried again, or waits for what is away, before it fails. */
  @IsInt() @Min(1_000) @Max(86_400_000) TRANSFER_RETRY_BUDGET_MS = 600_000;
  /** Retries that one process makes at one provider within a minute; a tenth of that minute's calls where that is more. */
  @IsInt() @Min(1) @Max(10_000) TRANSFER_RETRIES_PER_MINUTE = 10;
  /** Calls at a provider, account and operation within ten seconds, half of them faults, that pause these calls. */
  @IsInt() @Min(1) @Max(10_000) TRANSFER_BREAKER_CALLS = 5;
  /** Milliseconds of that pause; then one call is let through to see. */
  @IsInt() @Min(100) @Max(600_000) TRANSFER_BREAKER_PAUSE_MS = 5_000;
  /** Events of runs after which the queue is kept in MongoDB anew, so that a start reads less of the log. */
  @IsInt() @Min(1) @Max(1_000_000) TRANSFER_SNAPSHOT_EVENTS = 1_000;
  /** Milliseconds that one upload or download may take at the provider. */
  @IsInt() @Min(1_000) @Max(86_400_000) TRANSFER_JOB_DEADLINE_MS = 600_000;
  /** Milliseconds that a lost adapter has to come back with the outcome of an upload that it might commit. Then the upload is repeated, and the first one recorded as an orphan; where the vendor lists its uploads, the list decides instead. */
  @IsInt() @Min(0) @Max(86_400_000) TRANSFER_LOST_RELEASE_MS = 15_000;
}

/** Injection token: this process as a worker, new at every start. */
export const WORKER_ID = Symbol('WorkerId');
/** Injection token: the permits for calls at providers. */
export const PERMITS = Symbol('Permits');
/** Injection token: the snapshots of the queue. */
export const SNAPSHOTS = Symbol('Snapshots');
/** Injection token: the runner of the list of transfers. */
export const TRANSFERS_RUNNER = Symbol('TransfersRunner');
/** Injection token: the runner of the read model of where assets' bytes are. */
export const ASSET_BYTES_RUNNER = Symbol('AssetBytesRunner');
/** Injection token: the runner of the list of warmings. */
export const WARMINGS_RUNNER = Symbol('WarmingsRunner');
