import { FerryError, type ErrorCategory } from '@ferry/kernel';

const ERRORS = {
  RUN_NOT_OPEN: ['conflict', 'The download is not open. Read its state.'],
  STALE_EPOCH: ['conflict', 'Another worker holds the download. Leave it to that worker.'],
  ATTEMPT_OPEN: ['conflict', 'An attempt is still open. Join it or record its failure before the next.'],
  ATTEMPT_OUT_OF_ORDER: ['conflict', 'Attempts count up by one. Read the download for the last one.'],
  ATTEMPT_NOT_STARTED: ['conflict', 'This attempt was never started, so it cannot have ended. Start it first.'],
} as const satisfies Record<string, readonly [ErrorCategory, string]>;

export type DownloadErrorCode = keyof typeof ERRORS;

export const downloadError = (code: DownloadErrorCode, details?: Readonly<Record<string, unknown>>): FerryError =>
  new FerryError(code, ERRORS[code][0], ERRORS[code][1], details);
