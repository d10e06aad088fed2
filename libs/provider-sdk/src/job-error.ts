import type { JobFailure } from '@ferry/contracts';

/** A failure of a job that is no vendor's, such as `cache-full` or `not-released`. */
export class JobError extends Error {
  constructor(readonly failure: JobFailure) {
    super(failure.message);
    this.name = 'JobError';
  }
}
