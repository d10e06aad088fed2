import { eventTypesOf, type DomainEvent, type MediaFacts, type MediaKind, type ParentLink, type ReferenceForms, type VerifiedFacts } from '@ferry/kernel';

/** Prefix of an asset's stream. */
export const ASSET_CATEGORY = 'asset-';
export const assetStream = (assetId: string): string => `${ASSET_CATEGORY}${assetId}`;

/** When the bytes are brought in: before the origin ends, at once, or when somebody needs them. */
export type Capture = 'beforeExpiry' | 'now' | 'onDemand';

/** Where the asset was born. */
export interface Origin {
  readonly providerId: string;
  readonly accountId: string;
  readonly forms: ReferenceForms;
  /** ISO date of the link's end; absent: not known to end. */
  readonly expiresAt?: string;
}

/** How the asset was generated. */
export interface Generation {
  readonly model?: string;
  readonly jobId?: string;
  /** Which of the job's outputs, from 0. */
  readonly outputIndex?: number;
  readonly seed?: string;
}

/** Redacted everywhere outside events. */
export interface PersonalFacts {
  readonly filename?: string;
  readonly prompt?: string;
}

/** What the bytes are; decided once. */
export interface AssetContent extends VerifiedFacts {
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface AssetRegisteredData {
  /** From 1; grows past deleted assets of the same origin. */
  readonly life: number;
  readonly origin: Origin;
  readonly kind: MediaKind;
  readonly capture: Capture;
  /** What the client said of the content. */
  readonly declared?: MediaFacts;
  readonly parents?: readonly ParentLink[];
  readonly generation?: Generation;
  readonly personal?: PersonalFacts;
}

export interface OriginLostData {
  readonly reason: string;
  /** What somebody said who reported it. */
  readonly personal?: { readonly reason: string };
}

export type AssetEvent =
  | DomainEvent<'AssetRegistered', AssetRegisteredData>
  | DomainEvent<'AssetContentVerified', AssetContent>
  /** All forms of the origin as they are from now on, and their end. */
  | DomainEvent<'AssetOriginRefreshed', { readonly forms: ReferenceForms; readonly expiresAt?: string }>
  | DomainEvent<'AssetOriginLost', OriginLostData>
  | DomainEvent<'AssetDeleted', Readonly<Record<string, never>>>;

export const ASSET_EVENT_TYPES = eventTypesOf<AssetEvent>({
  AssetRegistered: true,
  AssetContentVerified: true,
  AssetOriginRefreshed: true,
  AssetOriginLost: true,
  AssetDeleted: true,
});
