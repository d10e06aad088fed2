import { v5 } from 'uuid';
import { FerryError } from './errors';
import type { ReferenceForms } from './media';

/** All derived ids live in this namespace. Changing it would give every asset a new identity. */
const FERRY_NAMESPACE = '2f6ac6f4-5d0b-5e0e-9a5b-8f1c9b7d3a10';

/** Parts joined by a character that none of them may hold unescaped: ("a","bc") and ("ab","c") differ. */
const derive = (kind: string, ...parts: readonly string[]): string => v5(JSON.stringify([kind, ...parts]), FERRY_NAMESPACE);

export const LOCAL_PROVIDER = 'local';

/** Query parameters that only sign a link. An adapter adds its vendor's own. */
const SIGNATURE_PARAMETERS = ['expires', 'signature', 'policy', 'key-pair-id', 'sig', 'se', 'sp', 'sv'];
const SIGNATURE_PREFIXES = ['x-amz-', 'x-goog-'];

/**
 * The part of a link that stays the same when it is signed again: scheme and host in lower case, no default port, user
 * info, fragment or signature parameters. The path is kept to the letter (an encoded slash stays encoded).
 * @throws FerryError INVALID_URL
 */
export const canonicalUrl = (url: string, signatureParameters: readonly string[] = []): string => {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/?#]*@)?([^/?#]*)([^?#]*)(\?[^#]*)?/i.exec(url);
  const scheme = match?.[1]?.toLowerCase();
  const host = match?.[2]?.toLowerCase().replace(scheme === 'https' ? /:443$/ : scheme === 'http' ? /:80$/ : /(?!)/, '');
  if (!match || !host) throw new FerryError('INVALID_URL', 'invalid', 'The url is not absolute: give scheme, host and path.');
  const signing = new Set([...SIGNATURE_PARAMETERS, ...signatureParameters.map((name) => name.toLowerCase())]);
  const kept = (match[4] ?? '')
    .slice(1)
    .split('&')
    .filter((pair) => {
      const name = pair.split('=')[0]!.toLowerCase();
      return pair !== '' && !signing.has(name) && !SIGNATURE_PREFIXES.some((prefix) => name.startsWith(prefix));
    });
  return `${scheme}://${host}${match[3] || '/'}${kept.length ? `?${kept.join('&')}` : ''}`;
};

/**
 * Every key under which an origin may be known, strongest first: id, uri, url.
 * @throws FerryError ORIGIN_FORMS_REQUIRED when there is none
 */
export const originKeys = (forms: ReferenceForms, signatureParameters: readonly string[] = []): string[] => {
  const keys: string[] = [];
  if (forms.id !== undefined) keys.push(`id:${forms.idType ?? ''}:${forms.id}`);
  if (forms.uri !== undefined) keys.push(`uri:${forms.uri}`);
  if (forms.url !== undefined) keys.push(`url:${canonicalUrl(forms.url, signatureParameters)}`);
  if (!keys.length) throw new FerryError('ORIGIN_FORMS_REQUIRED', 'invalid', 'An origin needs at least one of id (with idType), uri or url.');
  return keys;
};

export interface AssetIdentity {
  readonly owner: string;
  readonly providerId: string;
  readonly accountId: string;
  readonly originKey: string;
  /** From 1; grows past deleted assets. */
  readonly life: number;
}

export const assetIdOf = ({ owner, providerId, accountId, originKey, life }: AssetIdentity): string =>
  derive('asset', owner, providerId, accountId, originKey, String(life));

export interface Route {
  readonly assetId: string;
  readonly providerId: string;
  readonly accountId: string;
  readonly variant: string;
}

export const routeIdOf = ({ assetId, providerId, accountId, variant }: Route): string => derive('route', assetId, providerId, accountId, variant);

/** Run counts from 1 in the route's stream; the id names the stream, so a transfer is found without a read model. */
export const transferIdOf = (routeId: string, run: number): string => `${routeId}-${run}`;
export const downloadIdOf = (assetId: string, run: number): string => `${assetId}-${run}`;

/** A repeat of the client's command is the same warming. */
export const warmingIdOf = ({ owner, commandId }: { readonly owner: string; readonly commandId: string }): string => derive('warming', owner, commandId);

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
export const UUID_PATTERN = new RegExp(`^${UUID}$`);
export const RUN_ID_PATTERN = new RegExp(`^(${UUID})-([1-9][0-9]{0,8})$`);
/** The transfer that made the reference; the asset itself where that is its own, at the provider where it was born. */
export const REFERENCE_ID_PATTERN = new RegExp(`^${UUID}(-[1-9][0-9]{0,8})?$`);

/** The route (or asset) and the run that an id names, or undefined where it is not a run's id. */
export const parseRunId = (id: string): { readonly subjectId: string; readonly run: number } | undefined => {
  const match = RUN_ID_PATTERN.exec(id);
  return match ? { subjectId: match[1]!, run: Number(match[2]) } : undefined;
};
