import type { MediaKind } from '@ferry/kernel';
import type { HttpAnswer } from './http-client';
import type { DownloadedAsset } from './provider-adapter';
import { ProviderError } from './provider-error';

const UNTYPED = new Set(['', 'application/octet-stream', 'binary/octet-stream', 'application/binary', 'application/mp4']);

/** Characters of a media type that are looked at. It is sent on and told in errors, and the header is a stranger's. */
const MAX_TYPE = 100;

const typeOf = (answer: HttpAnswer): string => (answer.header('content-type') ?? '').split(';')[0]!.trim().toLowerCase().slice(0, MAX_TYPE);

/**
 * A 200 answer as a file of the kind that was asked for. The body is destroyed where it is refused.
 * @throws ProviderError protocol: another status, a page instead of a file, another kind, no bytes, a length that is no number
 */
export const asDownload = (answer: HttpAnswer, kind: MediaKind): DownloadedAsset => {
  const mimeType = typeOf(answer);
  const length = answer.header('content-length');
  const refuse = (code: string, message: string): ProviderError => {
    answer.body.destroy();
    return new ProviderError('protocol', message, { status: answer.status, code });
  };
  if (answer.status !== 200) throw refuse('CONTENT_MISSING', `The vendor answered ${answer.status} instead of the file.`);
  if (!UNTYPED.has(mimeType) && !mimeType.startsWith(`${kind}/`)) throw refuse('CONTENT_TYPE_MISMATCH', `The vendor sent ${mimeType} instead of ${kind}.`);
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw refuse('CONTENT_LENGTH_INVALID', 'The announced length is no number.');
  if (length === '0') throw refuse('CONTENT_EMPTY', 'The vendor sent an empty file.');
  return { mimeType: mimeType || 'application/octet-stream', body: answer.body, ...(length === undefined ? {} : { sizeBytes: Number(length) }) };
};
