import type { ProviderCapabilities } from '@ferry/contracts';

/** From 3600 to 2592000 s are allowed; a file that nobody uses should not stay for ever. */
export const FILE_LIFETIME_SECONDS = 7 * 86_400;

/**
 * OpenAI's Videos and Files APIs, from its SDK and its video guide of 2026. Audio is accepted nowhere. The Files API takes 1,000 uploads a
 * minute of one user (SDK); how many calls at once is not said: a cautious assumption. Files can be listed, read and deleted; characters
 * can be read by their id only (SDK).
 */
export const soraCapabilities: ProviderCapabilities = {
  providerId: 'sora',
  displayName: 'OpenAI Sora',
  variants: [
    {
      variant: 'character',
      kinds: ['video'],
      uses: ['character'],
      limits: { video: { mimeTypes: ['video/mp4'], aspectRatios: ['16:9', '9:16'], minDurationSeconds: 2, maxDurationSeconds: 4 } },
      referenceIdType: 'character',
      returnsBytes: 'none',
      abilities: ['check'],
    },
    {
      variant: 'file',
      kinds: ['image'],
      uses: ['first-frame'],
      limits: {
        image: {
          mimeTypes: ['image/jpeg', 'image/png', 'image/webp'],
          maxBytes: 512_000_000,
          sizes: ['720x1280', '1280x720', '1024x1792', '1792x1024'],
        },
      },
      referenceIdType: 'file',
      assumedLifetimeSeconds: FILE_LIFETIME_SECONDS,
      returnsBytes: 'none',
      abilities: ['find', 'check', 'delete'],
    },
  ],
  nativeUses: { video: ['source-video'], image: ['first-frame'] },
  originIdTypes: ['video', 'file'],
  signatureParameters: [],
  assumedOriginLifetimeSeconds: 3600,
  safetyMarginSeconds: 60,
  rateLimits: { upload: { concurrency: 16, requestsPerSecond: 16 }, download: { concurrency: 16, requestsPerSecond: 16 } },
  sunset: {
    date: '2026-09-24',
    note:
      'OpenAI shut its Videos API down on 2026-09-24, without a successor. This adapter works with gateways that keep its shape ' +
      '(SORA_BASE_URL); the Files API lives on.',
  },
};
