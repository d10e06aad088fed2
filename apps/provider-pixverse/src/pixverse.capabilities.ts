import type { ProviderCapabilities, VariantCapabilities } from '@ferry/contracts';

/** One endpoint takes video and audio, which serve different uses. */
const media: Omit<VariantCapabilities, 'kinds' | 'uses'> = {
  variant: 'media',
  limits: {
    video: {
      mimeTypes: ['video/mp4', 'video/quicktime', 'video/webm'],
      maxBytes: 50_000_000,
      maxWidth: 1920,
      maxHeight: 1920,
      maxDurationSeconds: 30,
    },
    audio: {
      mimeTypes: ['audio/mpeg', 'audio/wav', 'audio/x-wav', 'audio/mp4', 'audio/x-m4a', 'audio/aac'],
      maxBytes: 50_000_000,
      maxDurationSeconds: 30,
    },
  },
  referenceIdType: 'media',
  returnsBytes: 'none',
};

/**
 * PixVerse platform API v2, from its API text of 2025 (upload limits). Sizes there are in MB: the smaller reading is taken.
 * How long uploads and results live is not documented. How many calls an account may make depends on its plan, with ErrCode 500044 where it
 * is too many; the numbers are not public: these are cautious assumptions, to be set to the plan's.
 */
export const pixverseCapabilities: ProviderCapabilities = {
  providerId: 'pixverse',
  displayName: 'PixVerse',
  variants: [
    { ...media, kinds: ['video'], uses: ['source-video', 'reference'] },
    { ...media, kinds: ['audio'], uses: ['audio'] },
    {
      variant: 'image',
      kinds: ['image'],
      uses: ['first-frame', 'reference'],
      limits: { image: { mimeTypes: ['image/png', 'image/jpeg', 'image/webp'], maxBytes: 19_999_999, maxWidth: 4000, maxHeight: 4000 } },
      referenceIdType: 'image',
      returnsBytes: 'none',
    },
  ],
  nativeUses: { video: ['source-video'], audio: ['audio'] },
  originIdTypes: ['video', 'image', 'media'],
  signatureParameters: [],
  safetyMarginSeconds: 60,
  rateLimits: { upload: { concurrency: 5, requestsPerSecond: 5 }, download: { concurrency: 16, requestsPerSecond: 10 } },
};
