import { asDownload, kindOfStatus, parseRetryAfter, ProviderError, type AdapterDependencies, type ProviderAdapter } from '@ferry/provider-sdk';
import { pixverseCapabilities } from './pixverse.capabilities';
import { PixverseClient } from './pixverse.client';
import { lifeOf, resultLink, sourceOf, toReference, UNASKABLE, videoIdOf } from './pixverse.mapping';
import type { PixverseSettings } from './pixverse.settings';

export const createPixverse = (settings: PixverseSettings, dependencies: AdapterDependencies): ProviderAdapter => {
  const client = new PixverseClient(settings.baseUrl, dependencies);

  return {
    capabilities: pixverseCapabilities,

    async uploadAsset({ apiKey }, file, variant, { release, onBytes, signal }) {
      const form = { file, release, onBytes };
      if (variant === 'image') return toReference('image', await client.uploadImage(apiKey, form, signal));
      return toReference('media', await client.uploadMedia(apiKey, form, signal));
    },

    async downloadAsset({ apiKey }, origin, { signal }) {
      const source = sourceOf(origin);
      const byId = 'videoId' in source;
      const url = byId ? resultLink(await client.videoResult(apiKey, source.videoId, signal)) : source.url;
      const answer = await client.media(url, signal);
      if (answer.status < 400) return asDownload(answer, origin.kind);
      answer.body.destroy();
      throw new ProviderError(kindOfStatus(answer.status), `PixVerse’s media host answered ${answer.status}.`, {
        status: answer.status,
        retryAfterMs: parseRetryAfter(answer.header('retry-after'), dependencies.now()),
        // A finished video can be on its way to the media host still.
        ...(byId && answer.status === 404 ? { retryable: true } : {}),
      });
    },

    /** No call tells of an upload (no list, no read in the API text); of a generated video its result does. */
    async checkReference({ apiKey }, forms, { signal }) {
      const id = videoIdOf(forms);
      if (id === undefined) return UNASKABLE;
      try {
        return lifeOf(await client.videoResult(apiKey, id, signal));
      } catch (error) {
        if (error instanceof ProviderError && error.kind === 'not-found') return { state: 'gone' };
        throw error;
      }
    },
  };
};
