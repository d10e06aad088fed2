import { contentNotMedia, contentTruncated } from './media-errors';
import { seconds, type MediaContent } from './media-content';
import type { MediaSource } from './media-source';
import { boxesOf, type Box } from './mp4-boxes';
import { readTrack, type Mp4Track } from './mp4-track';

const STILL_IMAGE_BRANDS = ['avif', 'avis', 'heic', 'heix', 'heim', 'hevc', 'mif1', 'msf1'];

export interface Movie {
  readonly durationSeconds: number;
  readonly fragmented: boolean;
  readonly tracks: readonly Mp4Track[];
}

/** An MP4 or QuickTime file: its boxes cover it exactly, the index and the media that it points to are there. */
export const inspectMp4 = async (source: MediaSource): Promise<MediaContent> => {
  const seen = new Set<string>();
  let brand = '';
  let moov: Box | undefined;
  for await (const box of boxesOf(source, 0, source.size)) {
    if (box.type === 'ftyp') brand = (await source.read(box.start, 4)).toString('latin1');
    if (box.type === 'moov') moov = box;
    seen.add(box.type);
  }
  if (STILL_IMAGE_BRANDS.includes(brand)) throw contentNotMedia('it is a HEIF or AVIF image');
  if (!moov) throw contentTruncated('the MP4 index (moov) is missing');
  if (!seen.has('mdat')) throw contentTruncated('the MP4 media data (mdat) is missing');
  const movie = await readMovie(source, moov);
  if (movie.fragmented && !seen.has('moof')) throw contentTruncated('the MP4 fragments (moof) are missing');
  return contentOf(movie, brand);
};

export const readMovie = async (source: MediaSource, moov: Box): Promise<Movie> => {
  const tracks: Mp4Track[] = [];
  let durationSeconds = 0;
  let fragmented = false;
  for await (const box of boxesOf(source, moov.start, moov.end)) {
    if (box.type === 'mvhd') durationSeconds = await readDuration(source, box);
    if (box.type === 'trak') tracks.push(await readTrack(source, box));
    if (box.type === 'mvex') fragmented = true;
  }
  return { durationSeconds, fragmented, tracks };
};

/** mvhd: version 0 has 32-bit times, version 1 has 64-bit times. */
const readDuration = async (source: MediaSource, box: Box): Promise<number> => {
  const data = await source.read(box.start, 32);
  const long = data[0] === 1;
  if (data.length < (long ? 32 : 20)) throw contentTruncated('the MP4 header (mvhd) is too short');
  const timescale = data.readUInt32BE(long ? 20 : 12);
  const duration = long ? Number(data.readBigUInt64BE(24)) : data.readUInt32BE(16);
  const unknown = duration === 0xffffffff || duration >= 2 ** 63;
  return timescale === 0 || unknown ? 0 : duration / timescale;
};

export const contentOf = ({ tracks, durationSeconds }: Movie, brand: string): MediaContent => {
  const video = tracks.find(({ handler }) => handler === 'vide');
  if (video) {
    const size = video.width && video.height ? { width: video.width, height: video.height } : {};
    return { mimeType: brand === 'qt  ' ? 'video/quicktime' : 'video/mp4', kind: 'video', ...size, ...seconds(durationSeconds) };
  }
  if (!tracks.some(({ handler }) => handler === 'soun')) throw contentNotMedia('the MP4 file has neither picture nor sound');
  return { mimeType: 'audio/mp4', kind: 'audio', ...seconds(durationSeconds) };
};
