import type { MediaKind } from '@ferry/kernel';
import type { HttpAnswer } from './http-client';
import type { DownloadedAsset } from './provider-adapter';
import { excerptOf, ProviderError } from './provider-error';

const UNTYPED = new Set(['', 'application/octet-stream', 'binary/octet-stream', 'application/binary', 'application/mp4']);

/** Characters of a media type that are looked at. It is sent on and told in errors, and the header is a stranger's. */
const MAX_TYPE = 100;

const typeOf = (answer: HttpAnswer): string => (answer.header('content-type') ?? '').split(';')[0]!.trim().toLowerCase().slice(0, MAX_TYPE);

const TEXTS = /^(text\/|application\/(.+\+)?(json|xml)$)/;

/** What a text says that came instead of a file; nothing where it does not come at once. */
const told = async ({ body }: HttpAnswer, mimeType: string): Promise<string> => {
  if (!TEXTS.test(mimeType)) return '';
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) return ` It begins: ${excerptOf(chunk.toString('utf8'))}`;
  } catch (error) {
    return ` ${(error as Error).message}`;
  }
  return '';
};

/**
 * A 200 answer as a file of the kind that was asked for. The body is destroyed where it is refused.
 * @throws ProviderError protocol: another status, a page instead of a file, another kind, a packed file, no bytes, a length that is no number
 */
export const asDownload = async (answer: HttpAnswer, kind: MediaKind): Promise<DownloadedAsset> => {
  const mimeType = typeOf(answer);
  const length = answer.header('content-length');
  const encoding = answer.header('content-encoding') ?? 'identity';
  const refuse = (code: string, message: string): ProviderError => {
    answer.body.destroy();
    return new ProviderError('protocol', message, { status: answer.status, code });
  };
  if (answer.status !== 200) throw refuse('CONTENT_MISSING', `The vendor answered ${answer.status} instead of the file.`);
  if (!UNTYPED.has(mimeType) && !mimeType.startsWith(`${kind}/`)) {
    throw refuse('CONTENT_TYPE_MISMATCH', `The vendor sent ${mimeType} instead of ${kind}.${await told(answer, mimeType)}`);
  }
  if (encoding !== 'identity') throw refuse('CONTENT_ENCODED', `The vendor sent the file packed (${encoding.slice(0, MAX_TYPE)}), which nobody asked for.`);
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw refuse('CONTENT_LENGTH_INVALID', 'The announced length is no number.');
  if (length === '0') throw refuse('CONTENT_EMPTY', 'The vendor sent an empty file.');
  return { mimeType: mimeType || 'application/octet-stream', body: answer.body, ...(length === undefined ? {} : { sizeBytes: Number(length) }) };
};
