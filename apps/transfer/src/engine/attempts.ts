import type { JobFailure } from '@ferry/contracts';
import { backoff } from '@ferry/resilience';
import { setTimeout as wait } from 'node:timers/promises';
import type { TransferConfig } from '../transfer.config';

/** A provider that asks for a longer pause is not waited for: the run fails and says when to come back. */
const LONGEST_PAUSE_MS = 60_000;

export interface AttemptFailure {
  readonly kind: string;
  readonly retryable: boolean;
  readonly retryAt?: string;
  readonly message: string;
}

/** What is recorded of a failed attempt: whether and when there is another. */
export const attemptFailure = ({ kind, retryable, message, retryAfterMs }: Pick<JobFailure, 'kind' | 'retryable' | 'message' | 'retryAfterMs'>, attempt: number, config: TransferConfig): AttemptFailure => {
  if (!retryable) return { kind, retryable, message };
  const pause = Math.max(retryAfterMs ?? 0, backoff(attempt, { baseMs: config.TRANSFER_BACKOFF_MS, maxMs: 30_000 }));
  return { kind, message, retryable: pause <= LONGEST_PAUSE_MS, retryAt: new Date(Date.now() + pause).toISOString() };
};

/** The adapter is gone and the attempt was not released: it never can be, so the next may start at once. */
export const lostAttempt = (): AttemptFailure => ({
  kind: 'unavailable',
  retryable: true,
  retryAt: new Date().toISOString(),
  message: 'The adapter that worked on it is gone.',
});

export const waitUntil = async (at: string | undefined, signal: AbortSignal): Promise<void> => {
  const ms = at === undefined ? 0 : Date.parse(at) - Date.now();
  if (ms > 0) await wait(Math.min(ms, LONGEST_PAUSE_MS), undefined, { signal });
};
