import type { UploadResult } from '@ferry/contracts';
import { ProviderError, type Origin } from '@ferry/provider-sdk';
import { SORA_ERRORS } from './sora.errors';
import type { StoredFile, Video } from './sora.wire';

const MAX_NAME = 80;

/** A character's name: the file's, without its ending, so that the marker is found again. */
export const characterName = (filename: string): string => filename.replace(/\.[^.]*$/, '').slice(0, MAX_NAME);

/** As a part of a path these lead to another endpoint, and no escaping helps. */
const DOTS = /^\.{1,2}$/;

export const isPathSafe = (id: string | undefined): id is string => id !== undefined && !DOTS.test(id);

export const sourceOf = ({ forms: { id, idType } }: Origin): { readonly collection: 'videos' | 'files'; readonly id: string } => {
  if (isPathSafe(id)) {
    if (idType === 'video') return { collection: 'videos', id };
    if (idType === 'file') return { collection: 'files', id };
  }
  throw new ProviderError('invalid-request', 'Sora gives files by the id of a video or of a file; the origin has neither.');
};

/** @throws ProviderError where there is no content to get, now or at all */
export const assertCompleted = ({ status, errorCode }: Video): void => {
  if (status === 'completed') return;
  if (status === 'failed') {
    const kind = (errorCode !== undefined && SORA_ERRORS[errorCode]) || 'not-found';
    throw new ProviderError(kind, 'Sora: the video could not be generated.', { code: 'VIDEO_FAILED', retryable: false });
  }
  if (status === 'expired') throw new ProviderError('not-found', 'Sora: the video has expired.', { code: 'VIDEO_EXPIRED' });
  throw new ProviderError('unavailable', 'Sora: the video is not ready yet.', { code: 'VIDEO_NOT_READY' });
};

export const toReference = (idType: 'character' | 'file', { id, expiresAt }: StoredFile): UploadResult => ({
  forms: { id, idType },
  ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt * 1000).toISOString() }),
});
