import type { JobFailure } from '@ferry/contracts';
import { backoff } from '@ferry/resilience';
import type { TransferConfig } from '../transfer.config';

const LONGEST_BACKOFF_MS = 30_000;

/** The marker in the file's name at the vendor, by which a lost upload is found again. */
export const markerOf = (transferId: string): string => `ferry-${transferId}`;

/**
 * Whether a run has had its tries. Those whose bytes broke off on their way say nothing of the provider: they are counted
 * by themselves, and there may be one more of them than a download has tries, whose own failure ends the run then.
 */
export const isSpent = ({ attempt, sourceBroken = 0 }: { readonly attempt: number; readonly sourceBroken?: number }, { TRANSFER_ATTEMPTS }: TransferConfig): boolean =>
  attempt - sourceBroken >= TRANSFER_ATTEMPTS || sourceBroken > TRANSFER_ATTEMPTS;

export interface AttemptFailure {
  readonly kind: string;
  readonly retryable: boolean;
  readonly retryAt?: string;
  readonly message: string;
}

/**
 * What is recorded of a failed attempt: whether and when there is another. One that would begin after the run's time
 * budget is none: the run fails and says when to come back.
 */
export const attemptFailure = (
  { kind, retryable, message, retryAfterMs }: Pick<JobFailure, 'kind' | 'retryable' | 'message' | 'retryAfterMs'>,
  { attempt, failingSince }: { readonly attempt: number; readonly failingSince?: string },
  config: TransferConfig,
): AttemptFailure => {
  if (!retryable) return { kind, retryable, message };
  const now = Date.now();
  const at = now + Math.max(retryAfterMs ?? 0, backoff(attempt, { baseMs: config.TRANSFER_BACKOFF_MS, maxMs: LONGEST_BACKOFF_MS }));
  const budgetEnd = (failingSince === undefined ? now : Date.parse(failingSince)) + config.TRANSFER_RETRY_BUDGET_MS;
  return { kind, message, retryable: at <= budgetEnd, retryAt: new Date(at).toISOString() };
};

/** The adapter is gone and the attempt was not released: it never can be, so the next may start at once. */
export const lostAttempt = (message = 'The adapter that worked on it is gone.'): AttemptFailure => ({
  kind: 'unavailable',
  retryable: true,
  retryAt: new Date().toISOString(),
  message,
});
