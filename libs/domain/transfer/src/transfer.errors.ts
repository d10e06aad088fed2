import { FerryError, type ErrorCategory } from '@ferry/kernel';

const ERRORS = {
  TRANSFER_REFUSED: ['unprocessable', 'The last transfer of this route ended with an error that trying again does not change. Retry that transfer to try all the same.'],
  TOO_MANY_REPORTS: ['throttled', 'References of this route were reported as refused too often in an hour. Find out why the provider refuses them, and come back at details.until.'],
  UNKNOWN_TRANSFER: ['not-found', 'There is no such transfer. Check the id.'],
  RUN_NOT_OPEN: ['conflict', 'The transfer is not open. Read its state.'],
  STALE_EPOCH: ['conflict', 'Another worker holds the transfer. Leave it to that worker.'],
  ATTEMPT_OPEN: ['conflict', 'An attempt is still open. Join it or record its failure before the next.'],
  ATTEMPT_OUT_OF_ORDER: ['conflict', 'Attempts count up by one. Read the transfer for the last one.'],
  UPLOAD_NOT_RELEASABLE: ['conflict', 'This upload must not be committed at the provider. Break it off.'],
  UPLOAD_NOT_RELEASED: ['conflict', 'The upload was not released, so it cannot have been committed. Ask for its release first.'],
} as const satisfies Record<string, readonly [ErrorCategory, string]>;

export type TransferErrorCode = keyof typeof ERRORS;

export const transferError = (code: TransferErrorCode, details?: Readonly<Record<string, unknown>>): FerryError =>
  new FerryError(code, ERRORS[code][0], ERRORS[code][1], details);
