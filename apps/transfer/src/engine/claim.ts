/** A run as this worker holds it: the last claim in its stream names the worker and the epoch. */
export interface Claim {
  readonly runId: string;
  readonly owner: string;
  readonly epoch: number;
  readonly workerId: string;
  /** ISO date of the run's first failed attempt. */
  readonly failingSince?: string;
}

export const isMine = (claim: Claim, run: { readonly epoch: number; readonly workerId: string }): boolean =>
  run.workerId === claim.workerId && run.epoch === claim.epoch;
