import type { ReferenceCheck, UploadResult } from '@ferry/contracts';
import type { ReferenceForms } from '@ferry/kernel';
import { ProviderError, type Origin } from '@ferry/provider-sdk';
import type { UploadedMedia, VideoResult } from './pixverse.wire';

const PLACEHOLDER = /\/default\.(mp4|jpe?g|png|webp)$/i;

export const videoIdOf = ({ id, idType }: ReferenceForms): string | undefined => (idType === 'video' && id !== undefined && /^\d{1,20}$/.test(id) ? id : undefined);

/** What to fetch: a video's id is asked for its link, which is fresh; everything else needs its link. */
export const sourceOf = ({ forms, kind }: Origin): { readonly videoId: string } | { readonly url: string } => {
  const videoId = kind === 'video' ? videoIdOf(forms) : undefined;
  if (videoId !== undefined) return { videoId };
  if (forms.url !== undefined) return { url: checkedLink(forms.url) };
  throw new ProviderError('invalid-request', 'PixVerse gives files by a video’s id (digits) or by a link; the origin has neither.');
};

/** A moderated or unfinished result can carry the link of a real file that is not it. */
export const checkedLink = (url: string): string => {
  if (!PLACEHOLDER.test(URL.parse(url)?.pathname ?? '')) return url;
  throw new ProviderError('protocol', 'PixVerse names a placeholder instead of the file.', { code: 'PLACEHOLDER' });
};

/** The link of a result that is done. @throws ProviderError */
export const resultLink = ({ status, url }: VideoResult): string => {
  if (status === 6) throw new ProviderError('not-found', 'PixVerse: the video was deleted.', { code: 'STATUS_6' });
  if (status === 7) throw new ProviderError('rejected-by-policy', 'PixVerse: moderation refused the video.', { code: 'STATUS_7' });
  if (status === 8) throw new ProviderError('not-found', 'PixVerse: the video could not be generated.', { code: 'STATUS_8' });
  if (status !== 1) throw new ProviderError('unavailable', 'PixVerse: the video is not ready yet.', { code: `STATUS_${status}` });
  if (url === undefined) throw new ProviderError('protocol', 'PixVerse: the video is done but has no link.', { code: 'ANSWER_INCOMPLETE' });
  return checkedLink(url);
};

export const UNASKABLE: ReferenceCheck = { state: 'unknown', reason: 'PixVerse has no call that tells of an upload; only generated videos can be asked for.' };

/** Whether a generated video can be used still: 6 deleted, 7 refused by moderation, 8 failed. */
export const lifeOf = ({ status }: VideoResult): ReferenceCheck => {
  if (status === 1) return { state: 'valid' };
  return [6, 7, 8].includes(status) ? { state: 'gone' } : { state: 'unknown', reason: 'The video is not ready yet.' };
};

export const toReference = (idType: 'media' | 'image', { id, url }: UploadedMedia): UploadResult => ({
  forms: { id, idType, ...(url === undefined ? {} : { url }) },
});
