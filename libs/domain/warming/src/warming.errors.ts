import { FerryError, type ErrorCategory } from '@ferry/kernel';

const ERRORS = {
  WARMING_DIFFERS: ['conflict', 'This Idempotency-Key began another warming. Use a new key for other assets or another rule.'],
  TOO_MANY_WARMED_ASSETS: ['too-large', 'One warming takes at most 10,000 assets. Begin several.'],
} as const satisfies Record<string, readonly [ErrorCategory, string]>;

export type WarmingErrorCode = keyof typeof ERRORS;

export const warmingError = (code: WarmingErrorCode, details?: Readonly<Record<string, unknown>>): FerryError =>
  new FerryError(code, ERRORS[code][0], ERRORS[code][1], details);
