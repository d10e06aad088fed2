import { inspectWav, frameInspector } from './audio';
import { inspectPng, inspectWebp } from './images';
import { inspectJpeg } from './jpeg';
import { inspectMatroska } from './matroska';
import type { MediaContent } from './media-content';
import { contentNotMedia, contentTruncated } from './media-errors';
import type { MediaSource } from './media-source';
import { inspectMp4 } from './mp4';

type Inspector = (source: MediaSource) => Promise<MediaContent>;

const startsWith = (head: Buffer, bytes: readonly number[], at = 0): boolean => bytes.every((byte, index) => head[at + index] === byte);
const says = (head: Buffer, text: string, at: number): boolean => head.toString('latin1', at, at + text.length) === text;

const inspectorOf = (head: Buffer): Inspector | undefined => {
  if (says(head, 'ftyp', 4)) return inspectMp4;
  if (startsWith(head, [0x1a, 0x45, 0xdf, 0xa3])) return inspectMatroska;
  if (startsWith(head, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return inspectPng;
  if (startsWith(head, [0xff, 0xd8, 0xff])) return inspectJpeg;
  if (says(head, 'RIFF', 0) && says(head, 'WEBP', 8)) return inspectWebp;
  if (says(head, 'RIFF', 0) && says(head, 'WAVE', 8)) return inspectWav;
  return undefined;
};

/**
 * What a whole file is, by its bytes alone: never by a name or a header that came with it. Reads a few KiB of most
 * files, all of a JPEG's or MP3's, 64 KiB at a time.
 * @throws FerryError CONTENT_NOT_MEDIA, CONTENT_TRUNCATED
 */
export const inspectMedia = async (source: MediaSource): Promise<MediaContent> => {
  if (source.size === 0) throw contentTruncated('it is empty');
  const head = await source.read(0, 16);
  const inspect = inspectorOf(head) ?? (await frameInspector(source));
  if (inspect) return withinBounds(() => inspect(source));
  const text = head.toString('latin1').trimStart().toLowerCase();
  if (text.startsWith('<')) throw contentNotMedia('it is an HTML or XML page');
  if (text.startsWith('{') || text.startsWith('[')) throw contentNotMedia('it is JSON');
  throw contentNotMedia('its first bytes are of no known format');
};

/** A field that a broken file announces and does not have is its fault, not ours. */
const withinBounds = async (inspect: () => Promise<MediaContent>): Promise<MediaContent> => {
  try {
    return await inspect();
  } catch (error) {
    if (error instanceof RangeError) throw contentTruncated('a part of it ends too early');
    throw error;
  }
};
