import { FerryError, type ErrorCategory } from '@ferry/kernel';

const ERRORS = {
  NOT_CACHED: ['not-found', 'No node has a copy of the asset. Bring it into the cache first.'],
  CONTENT_CHANGED: ['conflict', 'The content is not what was cached before. Delete the asset and register it again to accept the new content.'],
  FILE_PINNED: ['conflict', 'The file is pinned. Unpin it first.'],
  LAST_COPY: ['conflict', 'No other copy is known to live. Evacuate the asset, delete it, or release its last copy.'],
} as const satisfies Record<string, readonly [ErrorCategory, string]>;

export type CacheErrorCode = keyof typeof ERRORS;

export const cacheError = (code: CacheErrorCode, details?: Readonly<Record<string, unknown>>): FerryError =>
  new FerryError(code, ERRORS[code][0], ERRORS[code][1], details);
