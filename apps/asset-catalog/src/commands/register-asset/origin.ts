import type { OriginDto, ProviderCapabilities, RegisterAssetBody } from '@ferry/contracts';
import type { Capture } from '@ferry/domain/asset';
import { FerryError, LOCAL_PROVIDER, originKeys } from '@ferry/kernel';
import { catalogError } from '../../catalog.errors';

const invalid = (...errors: string[]): FerryError =>
  new FerryError('VALIDATION_FAILED', 'invalid', 'The request is not valid; details.errors says which fields and why.', { errors });

/** What the message's own validation cannot say. */
export const checkBody = ({ kind, declared, origin: { providerId, forms } }: RegisterAssetBody): void => {
  if (providerId === LOCAL_PROVIDER) throw catalogError('UNSUPPORTED', { providerId });
  if (declared?.kind !== undefined && declared.kind !== kind) throw invalid(`asset.declared.kind: is ${declared.kind}, but asset.kind is ${kind}`);
  if (forms.inline !== undefined) throw invalid('asset.origin.forms.inline: an origin is an id, a uri or a url');
  if (forms.id !== undefined && forms.idType === undefined) throw invalid('asset.origin.forms.idType: must be given with an id');
  if (forms.id === undefined && forms.idType !== undefined) throw invalid('asset.origin.forms.id: must be given with an idType');
};

/**
 * The keys under which the origin may be known, strongest first.
 * @throws FerryError UNKNOWN_ID_TYPE, INVALID_URL, ORIGIN_FORMS_REQUIRED
 */
export const keysOf = ({ providerId, forms }: OriginDto, { originIdTypes, signatureParameters }: ProviderCapabilities): string[] => {
  if (forms.idType !== undefined && !originIdTypes.includes(forms.idType)) {
    throw catalogError('UNKNOWN_ID_TYPE', { providerId, idType: forms.idType, known: originIdTypes });
  }
  return originKeys(forms, signatureParameters);
};

/** Where an origin ends, its bytes are wanted before that. */
export const captureOf = ({ capture, origin }: RegisterAssetBody, { assumedOriginLifetimeSeconds }: ProviderCapabilities): Capture => {
  if (capture) return capture;
  return origin.expiresAt !== undefined || assumedOriginLifetimeSeconds !== undefined ? 'beforeExpiry' : 'onDemand';
};
