import { FerryError, type ErrorCategory } from '@ferry/kernel';
import { backoff } from '@ferry/resilience';
import { NotYet } from './not-yet';

const TROUBLE = { baseMs: 200, maxMs: 5_000 };
/** Unexpected errors of one run in a row before it is given up; trouble with the stores does not count. */
const UNEXPECTED = 5;
/** Trouble of another service, or of somebody who was faster: not this run's fault. */
const PASSING: ReadonlySet<string> = new Set<ErrorCategory>(['unavailable', 'timeout', 'conflict', 'throttled']);
/** Troubles further apart than this have nothing to do with each other. */
const LULL_MS = 60_000;
const UNEXPECTED_FAILURE = { kind: 'internal', message: 'The service failed in an unexpected way. Its log has the reason.' };

interface Trouble {
  since: number;
  last: number;
  times: number;
  unexpected: number;
}

export interface Failure {
  readonly kind: string;
  readonly message: string;
  /** ISO date. */
  readonly retryAfter?: string;
}

export type Verdict = { readonly giveUp: Failure } | { readonly until: string; readonly key?: string };

/** What the runs of this worker met, and whether they go on: trouble that passes is waited for, within a time budget. */
export class Troubles {
  private readonly troubles = new Map<string, Trouble>();

  constructor(
    /** Milliseconds. */
    private readonly budgetMs: number,
    /** Milliseconds since 1970. */
    private readonly now: () => number = Date.now,
  ) {}

  forget(runId: string): void {
    this.troubles.delete(runId);
  }

  met(runId: string, error: unknown): Verdict {
    if (error instanceof NotYet) return { until: error.until, ...(error.key === undefined ? {} : { key: error.key }) };
    const now = this.now();
    const known = this.troubles.get(runId);
    const trouble = known && now - known.last <= LULL_MS ? known : { since: now, last: now, times: 0, unexpected: 0 };
    this.troubles.set(runId, trouble);
    const { retryAfter, key } = ((error as FerryError).details ?? {}) as { retryAfter?: string; key?: string };
    trouble.last = retryAfter === undefined ? now : Math.max(now, Date.parse(retryAfter));
    trouble.times += 1;
    if (!isPassing(error)) trouble.unexpected += 1;
    if (trouble.unexpected >= UNEXPECTED) return { giveUp: UNEXPECTED_FAILURE };
    if (trouble.last - trouble.since > this.budgetMs) return { giveUp: lasting(error as FerryError, retryAfter) };
    return { until: retryAfter ?? new Date(now + backoff(trouble.times, TROUBLE) + 50).toISOString(), ...(key === undefined ? {} : { key }) };
  }
}

const isPassing = (error: unknown): boolean => error instanceof FerryError && PASSING.has(error.category);

const lasting = ({ category, message }: FerryError, retryAfter: string | undefined): Failure => ({
  kind: category === 'throttled' ? 'throttled' : 'unavailable',
  message,
  ...(retryAfter === undefined ? {} : { retryAfter }),
});
