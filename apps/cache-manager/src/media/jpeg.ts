import { contentNotMedia, contentTruncated } from './media-errors';
import type { MediaContent } from './media-content';
import type { MediaSource } from './media-source';

const END = 0xd9;
const START_OF_SCAN = 0xda;
const WINDOW_BYTES = 64 * 1024;

/** SOF0 to SOF15 without DHT, JPG and DAC, which lie between them. */
const isFrameHeader = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
const standsAlone = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/** JPEG: segments up to the end marker; the coded data between them is searched for the next marker. */
export const inspectJpeg = async (source: MediaSource): Promise<MediaContent> => {
  let facts: MediaContent | undefined;
  for (let offset = 2; ; ) {
    const head = await source.read(offset, 9);
    if (head.length < 2) throw contentTruncated('the JPEG image has no end');
    if (head[0] !== 0xff) throw contentNotMedia('the JPEG image is broken');
    const marker = head[1]!;
    if (marker === END) break;
    if (marker === 0xff) offset += 1;
    else if (standsAlone(marker)) offset += 2;
    else {
      if (head.length < 4) throw contentTruncated('the JPEG image ends within a segment');
      if (isFrameHeader(marker) && head.length === 9) facts ??= sizeOf(head);
      offset += 2 + head.readUInt16BE(2);
      if (marker === START_OF_SCAN) offset = await nextMarker(source, offset);
    }
  }
  if (!facts) throw contentNotMedia('the JPEG image has no picture');
  return facts;
};

const sizeOf = (head: Buffer): MediaContent => {
  const [height, width] = [head.readUInt16BE(5), head.readUInt16BE(7)];
  if (width === 0 || height === 0) throw contentNotMedia('the JPEG image does not say its size');
  return { mimeType: 'image/jpeg', kind: 'image', width, height };
};

/** Coded data escapes 0xff as 0xff00, and may hold restart markers. Each window is read once, however often they stand in it. */
const nextMarker = async (source: MediaSource, from: number): Promise<number> => {
  for (let offset = from; offset + 1 < source.size; ) {
    const data = await source.read(offset, WINDOW_BYTES);
    const at = markerIn(data);
    if (at >= 0) return offset + at;
    if (data.length < 2) break;
    // The last byte may be the first half of a marker.
    offset += data.length - 1;
  }
  throw contentTruncated('the JPEG image ends within its picture');
};

const markerIn = (data: Buffer): number => {
  for (let at = data.indexOf(0xff); at >= 0 && at + 1 < data.length; at = data.indexOf(0xff, at + 1)) {
    const next = data[at + 1]!;
    if (next !== 0 && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return -1;
};
