import { FerryError, type ErrorCategory } from '@ferry/kernel';

const ERRORS = {
  UNKNOWN_ASSET: ['not-found', 'There is no such asset. Register it first.'],
  SHARED_ACCOUNT_ADMIN_ONLY: ['forbidden', 'Several owners share this account: only a key with the admin scope may register its origins.'],
  UNKNOWN_ID_TYPE: ['invalid', 'The provider has no such idType. See details.known for those it has.'],
  UNKNOWN_PARENT: ['not-found', 'Some parents are no assets of this owner. Register those in details.parentAssetIds first.'],
  SELF_LINK: ['unprocessable', 'An asset cannot come from itself. Name another parent.'],
  PARENTS_DIFFER: ['conflict', 'The asset in details.assetId is registered with other parents. Link further parents to it instead.'],
  INVALID_CURSOR: ['invalid', 'The cursor is not one that a page gave. Pass nextCursor as it came, or none for the first page.'],
  UNSUPPORTED: ['unsupported', 'Files that are uploaded to Ferry itself cannot be registered yet. Register an origin at a provider.'],
} as const satisfies Record<string, readonly [ErrorCategory, string]>;

export type CatalogErrorCode = keyof typeof ERRORS;

export const catalogError = (code: CatalogErrorCode, details?: Readonly<Record<string, unknown>>): FerryError =>
  new FerryError(code, ERRORS[code][0], ERRORS[code][1], details);
