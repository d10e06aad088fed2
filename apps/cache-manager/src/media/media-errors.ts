import { FerryError } from '@ferry/kernel';

/** Why received bytes are not taken into the cache. */
export const contentTruncated = (why: string): FerryError =>
  new FerryError('CONTENT_TRUNCATED', 'unprocessable', `The content is not complete: ${why}. Send it again from the start.`);

export const contentNotMedia = (why: string): FerryError =>
  new FerryError(
    'CONTENT_NOT_MEDIA',
    'unprocessable',
    `The content is no media that Ferry knows: ${why}. Known are MP4, MOV, WebM, Matroska, PNG, JPEG, WebP, MP3, WAV, AAC and M4A.`,
  );

export const contentKindMismatch = (expected: string, actual: string): FerryError =>
  new FerryError('CONTENT_KIND_MISMATCH', 'unprocessable', `The content is ${actual}, but the asset is ${expected}.`, { expected, actual });

export const contentChanged = (expected: string, actual: string): FerryError =>
  new FerryError('CONTENT_CHANGED', 'conflict', 'The content is not the one that this asset is known to have. Register it as a new asset.', { expected, actual });

export const contentLengthMismatch = (expected: number, actual: number): FerryError =>
  new FerryError('CONTENT_LENGTH_MISMATCH', 'unprocessable', `The content has ${actual} bytes or more, ${expected} were announced.`, { expected, actual });
