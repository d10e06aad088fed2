import { IsInt, Max, Min } from 'class-validator';

export class TransferConfig {
  /** Runs that one process works on at the same time, transfers and downloads each. */
  @IsInt() @Min(1) @Max(1_000) TRANSFER_WORKERS = 8;
  /** Tries of one upload or download before the run fails. */
  @IsInt() @Min(1) @Max(20) TRANSFER_ATTEMPTS = 3;
  /** Milliseconds of the first wait between tries; grows by two, with full jitter. */
  @IsInt() @Min(1) @Max(60_000) TRANSFER_BACKOFF_MS = 500;
  /** Milliseconds that one upload or download may take at the provider, and that a run waits for a service that is away. */
  @IsInt() @Min(1_000) @Max(86_400_000) TRANSFER_JOB_DEADLINE_MS = 600_000;
}

/** Injection token: this process as a worker, new at every start. */
export const WORKER_ID = Symbol('WorkerId');
/** Injection token: the runner of the list of transfers. */
export const TRANSFERS_RUNNER = Symbol('TransfersRunner');
