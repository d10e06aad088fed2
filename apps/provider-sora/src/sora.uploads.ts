import type { ReferenceCheck, UploadResult } from '@ferry/contracts';
import type { ReferenceForms } from '@ferry/kernel';
import { ProviderError, type WantedUpload } from '@ferry/provider-sdk';
import type { SoraClient } from './sora.client';
import { isPathSafe, toReference } from './sora.mapping';

/** The API gives at most 10,000; these are as many as an answer of 1 MiB surely holds. */
const PAGE = 1_000;
/** OpenAI takes 1,000 uploads a minute: what was uploaded in the last 10 minutes is looked through whatever else the account does. */
const PAGES = 10;

/** Looks through the newest files. A name is the marker's where it is the marker, with or without an ending. */
export const findFile = async (client: SoraClient, apiKey: string, { marker, sizeBytes, besides = [] }: WantedUpload, signal: AbortSignal): Promise<UploadResult | undefined> => {
  let after: string | undefined;
  for (let page = 0; page < PAGES; page += 1) {
    const { files, hasMore } = await client.files(apiKey, { limit: PAGE, ...(after === undefined ? {} : { after }) }, signal);
    const isWanted = (bytes: number | undefined): boolean => sizeBytes === undefined || bytes === sizeBytes;
    const found = files.find(({ id, filename, bytes }) => (filename === marker || filename?.startsWith(`${marker}.`)) && isWanted(bytes) && !besides.includes(id));
    if (found) return toReference('file', found);
    after = files.at(-1)?.id;
    if (!hasMore || after === undefined) return undefined;
  }
  throw new ProviderError('unavailable', `Sora: the account has more than ${PAGE * PAGES} files; an older one is not found by its name.`, { code: 'LIST_TOO_LONG' });
};

const UNKNOWN: ReferenceCheck = { state: 'unknown', reason: 'Sora can be asked about files, characters and videos only.' };

/** Reads the file, the character or the video by its id. */
export const checkReference = async (client: SoraClient, apiKey: string, { id, idType }: ReferenceForms, signal: AbortSignal): Promise<ReferenceCheck> => {
  if (!isPathSafe(id)) return UNKNOWN;
  try {
    if (idType === 'file') await client.stored(apiKey, 'files', id, signal);
    else if (idType === 'character') await client.stored(apiKey, 'videos/characters', id, signal);
    else if (idType === 'video') return ofVideo((await client.video(apiKey, id, signal)).status);
    else return UNKNOWN;
  } catch (error) {
    if (error instanceof ProviderError && error.kind === 'not-found') return { state: 'gone' };
    throw error;
  }
  return { state: 'valid' };
};

const ofVideo = (status: string): ReferenceCheck => {
  if (status === 'completed') return { state: 'valid' };
  return status === 'failed' || status === 'expired' ? { state: 'gone' } : { state: 'unknown', reason: 'The video is not ready yet.' };
};

export const deleteFile = async (client: SoraClient, apiKey: string, { id }: ReferenceForms, signal: AbortSignal): Promise<boolean> => {
  if (!isPathSafe(id)) throw new ProviderError('invalid-request', 'Sora deletes files by their id; the reference has none.');
  try {
    await client.deleteFile(apiKey, id, signal);
    return true;
  } catch (error) {
    if (error instanceof ProviderError && error.kind === 'not-found') return false;
    throw error;
  }
};
