export const MEDIA_KINDS = ['video', 'image', 'audio'] as const;
export type MediaKind = (typeof MEDIA_KINDS)[number];

/** What the caller wants to do with an asset at the target. */
export const ASSET_USES = ['first-frame', 'reference', 'source-video', 'character', 'audio', 'mask'] as const;
export type AssetUse = (typeof ASSET_USES)[number];

/** Where a reference can be used: by id, by a link, by a provider's own URI scheme, or as bytes in the request. */
export interface ReferenceForms {
  readonly id?: string;
  /** The adapter's name for the id space, e.g. PixVerse `video`, `image`, `media`; Sora `video`, `file`. */
  readonly idType?: string;
  readonly url?: string;
  readonly uri?: string;
  /** Where the bytes can be read from; nothing is uploaded. */
  readonly inline?: string;
}

/** Known facts of an asset's content. Sizes in bytes, pixels, seconds. */
export interface MediaFacts {
  readonly kind?: MediaKind;
  readonly mimeType?: string;
  readonly sizeBytes?: number;
  readonly width?: number;
  readonly height?: number;
  readonly durationSeconds?: number;
}

/** Facts of content that was read to its end and verified. */
export interface VerifiedFacts extends MediaFacts {
  readonly kind: MediaKind;
  readonly mimeType: string;
}

/** Where a copy of an asset's bytes is. */
export type CopyLocation =
  | { readonly from: 'origin' }
  | { readonly from: 'reference'; readonly referenceId: string }
  | { readonly from: 'node'; readonly nodeId: string };
