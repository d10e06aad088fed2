import { FerryError, type ErrorCategory } from '@ferry/kernel';

const ERRORS = {
  SELF_LINK: ['unprocessable', 'An asset cannot come from itself. Name another asset.'],
  LINK_DIFFERS: ['conflict', 'This link exists with other facts. Unlink it first, or give another sequenceOrder.'],
  UNKNOWN_BRANCH: ['not-found', 'There is no such branch. Create it first.'],
  BRANCH_EXISTS: ['conflict', 'The branch exists with other facts. Give another id.'],
  BRANCH_CLOSED: ['conflict', 'The branch is closed and stays as it is. Create another.'],
  UNKNOWN_VARIANT: ['not-found', 'The asset is no variant of this branch. Add it first.'],
  VARIANT_DIFFERS: ['conflict', 'The variant exists with other facts. Remove it first.'],
} as const satisfies Record<string, readonly [ErrorCategory, string]>;

export type LineageErrorCode = keyof typeof ERRORS;

export const lineageError = (code: LineageErrorCode, details?: Readonly<Record<string, unknown>>): FerryError =>
  new FerryError(code, ERRORS[code][0], ERRORS[code][1], details);
