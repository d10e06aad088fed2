import { FerryError, type ErrorCategory } from '@ferry/kernel';

const ERRORS = {
  UNKNOWN_ASSET: ['not-found', 'There is no such asset. Register it first.'],
  LINEAGE_CYCLE: ['conflict', 'The parent comes from the child, see details.path. Unlink one of those links first.'],
  GRAPH_TOO_LARGE: ['unprocessable', 'The graph around this asset is too large for one answer. Ask for less depth or one direction.'],
} as const satisfies Record<string, readonly [ErrorCategory, string]>;

export type LineageServiceErrorCode = keyof typeof ERRORS;

export const lineageServiceError = (code: LineageServiceErrorCode, details?: Readonly<Record<string, unknown>>): FerryError =>
  new FerryError(code, ERRORS[code][0], ERRORS[code][1], details);
