import { contentNotMedia, contentTruncated } from './media-errors';
import type { MediaSource } from './media-source';
import { boxesOf, type Box } from './mp4-boxes';

export interface Mp4Track {
  /** `vide`, `soun`, or another handler's four letters. */
  readonly handler: string;
  readonly width?: number;
  readonly height?: number;
}

/** Boxes inside a track that hold boxes that matter. */
const CONTAINERS = ['mdia', 'minf', 'stbl'];
const MAX_DEPTH = 4;
const ENTRIES_AT_ONCE = 4096;

interface Found {
  handler: string;
  turned: boolean;
  shown?: { width: number; height: number };
  coded?: { width: number; height: number };
}

/** A trak box: what it is, its pixels, and that every chunk that it points to is in the file. */
export const readTrack = async (source: MediaSource, trak: Box): Promise<Mp4Track> => {
  const found: Found = { handler: '', turned: false };
  await readBoxes(source, trak, found, 0);
  const size = found.coded?.width && found.coded.height ? found.coded : found.shown;
  if (found.handler !== 'vide' || !size) return { handler: found.handler };
  return { handler: 'vide', width: found.turned ? size.height : size.width, height: found.turned ? size.width : size.height };
};

const readBoxes = async (source: MediaSource, parent: Box, found: Found, depth: number): Promise<void> => {
  if (depth > MAX_DEPTH) throw contentNotMedia('its MP4 boxes are nested too deep');
  for await (const box of boxesOf(source, parent.start, parent.end)) {
    if (CONTAINERS.includes(box.type)) await readBoxes(source, box, found, depth + 1);
    if (box.type === 'tkhd') await readTrackHeader(source, box, found);
    // A second hdlr, of the data reference, stands in minf; the first one is the track's.
    if (box.type === 'hdlr' && !found.handler) found.handler = (await source.read(box.start + 8, 4)).toString('latin1');
    if (box.type === 'stsd' && found.handler === 'vide') found.coded = await readSampleSize(source, box);
    if (box.type === 'stco') await checkChunks(source, box, 4);
    if (box.type === 'co64') await checkChunks(source, box, 8);
  }
};

/** tkhd ends with the matrix (nine numbers) and width and height as 16.16 fixed point. */
const readTrackHeader = async (source: MediaSource, box: Box, found: Found): Promise<void> => {
  const data = await source.read(box.end - 44, 44);
  if (data.length < 44 || box.end - box.start < 44) throw contentTruncated('an MP4 track header (tkhd) is too short');
  found.turned = data.readInt32BE(0) === 0 && data.readInt32BE(4) !== 0;
  found.shown = { width: data.readUInt32BE(36) >>> 16, height: data.readUInt32BE(40) >>> 16 };
};

/** stsd: version, count, then the first sample entry: 8 bytes of header, 24 of fields, 16-bit width and height. */
const readSampleSize = async (source: MediaSource, box: Box): Promise<{ width: number; height: number } | undefined> => {
  const data = await source.read(box.start + 8, 36);
  if (data.length < 36 || box.end - box.start < 44) return undefined;
  return { width: data.readUInt16BE(32), height: data.readUInt16BE(34) };
};

/** stco, co64: version, count, then the places of the chunks in the file. */
const checkChunks = async (source: MediaSource, box: Box, bytes: 4 | 8): Promise<void> => {
  const count = (await source.read(box.start + 4, 4)).readUInt32BE(0);
  if (box.start + 8 + count * bytes > box.end) throw contentTruncated('the MP4 index ends within its table of chunks');
  for (let first = 0; first < count; first += ENTRIES_AT_ONCE) {
    const entries = await source.read(box.start + 8 + first * bytes, Math.min(ENTRIES_AT_ONCE, count - first) * bytes);
    for (let at = 0; at < entries.length; at += bytes) {
      const offset = bytes === 4 ? entries.readUInt32BE(at) : Number(entries.readBigUInt64BE(at));
      if (offset >= source.size) throw contentTruncated('the MP4 index points beyond the end');
    }
  }
};
