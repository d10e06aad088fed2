import { FerryError, type ErrorCategory } from '@ferry/kernel';

const ERRORS = {
  UNKNOWN_ASSET: ['not-found', 'There is no such asset. Register it first.'],
  ASSET_DELETED: ['not-found', 'The asset was deleted. Register it again to get a new one.'],
  ASSET_KIND_DIFFERS: ['conflict', 'The asset is registered with another kind. Register it with that kind, or delete it first.'],
  CONTENT_CHANGED: ['conflict', 'The content is not what was verified before. Delete the asset and register it again to accept the new content.'],
} as const satisfies Record<string, readonly [ErrorCategory, string]>;

export type AssetErrorCode = keyof typeof ERRORS;

export const assetError = (code: AssetErrorCode, details?: Readonly<Record<string, unknown>>): FerryError =>
  new FerryError(code, ERRORS[code][0], ERRORS[code][1], details);
