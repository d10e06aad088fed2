import { asDownload, type AdapterDependencies, type ProviderAdapter } from '@ferry/provider-sdk';
import { FILE_LIFETIME_SECONDS, soraCapabilities } from './sora.capabilities';
import { SoraClient } from './sora.client';
import { assertCompleted, characterName, sourceOf, toReference } from './sora.mapping';
import type { SoraSettings } from './sora.settings';
import { checkReference, deleteFile, findFile } from './sora.uploads';

export const createSora = (settings: SoraSettings, dependencies: AdapterDependencies): ProviderAdapter => {
  const client = new SoraClient(settings.baseUrl, dependencies);

  return {
    capabilities: soraCapabilities,

    async uploadAsset({ apiKey }, file, variant, { release, onBytes, signal }) {
      const form = { file, release, onBytes };
      if (variant === 'file') return toReference('file', await client.createFile(apiKey, FILE_LIFETIME_SECONDS, form, signal));
      return toReference('character', await client.createCharacter(apiKey, characterName(file.filename), form, signal));
    },

    async downloadAsset({ apiKey }, origin, { signal }) {
      const { collection, id } = sourceOf(origin);
      if (collection === 'videos') assertCompleted(await client.video(apiKey, id, signal));
      return asDownload(await client.content(apiKey, collection, id, signal), origin.kind);
    },

    findUpload: ({ apiKey }, wanted, { signal }) => findFile(client, apiKey, wanted, signal),
    checkReference: ({ apiKey }, forms, { signal }) => checkReference(client, apiKey, forms, signal),
    deleteUpload: ({ apiKey }, forms, { signal }) => deleteFile(client, apiKey, forms, signal),
  };
};
