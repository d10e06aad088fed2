import { contentNotMedia, contentTruncated } from './media-errors';
import type { MediaContent } from './media-content';
import type { MediaSource } from './media-source';

const PNG_HEADER_BYTES = 8;

const image = (mimeType: string, width: number, height: number): MediaContent => {
  if (width === 0 || height === 0) throw contentNotMedia('the image has no pixels');
  return { mimeType, kind: 'image', width, height };
};

/** PNG: chunks of length, type, data, checksum, from IHDR to IEND. */
export const inspectPng = async (source: MediaSource): Promise<MediaContent> => {
  const header = await source.read(PNG_HEADER_BYTES, 16);
  if (header.length < 16) throw contentTruncated('the PNG image ends within its header');
  if (header.toString('latin1', 4, 8) !== 'IHDR') throw contentNotMedia('the PNG image has no header');
  const facts = image('image/png', header.readUInt32BE(8), header.readUInt32BE(12));
  for (let offset = PNG_HEADER_BYTES; ; ) {
    const chunk = await source.read(offset, 8);
    if (chunk.length < 8) throw contentTruncated('the PNG image has no end (IEND)');
    offset += 12 + chunk.readUInt32BE(0);
    if (offset > source.size) throw contentTruncated('a PNG chunk reaches beyond the end');
    if (chunk.toString('latin1', 4, 8) === 'IEND') return facts;
  }
};

/** WebP: a RIFF of the whole file; the first chunk has the size in one of three ways. */
export const inspectWebp = async (source: MediaSource): Promise<MediaContent> => {
  const data = await source.read(0, 30);
  if (data.length < 30 || data.readUInt32LE(4) + 8 > source.size) throw contentTruncated('the WebP image is shorter than it says');
  return webpSize(data);
};

const webpSize = (data: Buffer): MediaContent => {
  const chunk = data.toString('latin1', 12, 16);
  if (chunk === 'VP8X') return image('image/webp', 1 + data.readUIntLE(24, 3), 1 + data.readUIntLE(27, 3));
  if (chunk === 'VP8 ') return image('image/webp', data.readUInt16LE(26) & 0x3fff, data.readUInt16LE(28) & 0x3fff);
  if (chunk !== 'VP8L') throw contentNotMedia('the WebP image has no picture');
  const bits = data.readUInt32LE(21);
  return image('image/webp', 1 + (bits & 0x3fff), 1 + ((bits >>> 14) & 0x3fff));
};

const startsAs = (head: Buffer, text: string, at: number): boolean => head.toString('latin1', at, at + text.length) === text;

/** Type and pixels of an image by its first 32 bytes; nothing where they do not tell. */
export const inspectImageHead = (head: Buffer): Partial<MediaContent> | undefined => {
  if (head.length < 32) return undefined;
  if (startsAs(head, '\x89PNG\r\n', 0)) return image('image/png', head.readUInt32BE(16), head.readUInt32BE(20));
  if (startsAs(head, 'RIFF', 0) && startsAs(head, 'WEBP', 8)) return webpSize(head);
  return startsAs(head, '\xff\xd8\xff', 0) ? { mimeType: 'image/jpeg' } : undefined;
};
