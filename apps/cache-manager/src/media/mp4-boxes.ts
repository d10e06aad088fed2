import { contentNotMedia, contentTruncated } from './media-errors';
import type { MediaSource } from './media-source';

export interface Box {
  readonly type: string;
  /** Where its content begins and ends. */
  readonly start: number;
  readonly end: number;
}

const MAX_BOXES = 100_000;

/** The boxes that fill the range exactly. @throws FerryError CONTENT_TRUNCATED where one would reach beyond it */
export async function* boxesOf(source: MediaSource, start: number, end: number): AsyncGenerator<Box> {
  let count = 0;
  for (let offset = start; offset < end; ) {
    const box = await boxAt(source, offset, end);
    if ((count += 1) > MAX_BOXES) throw contentNotMedia('its MP4 boxes are too many');
    yield box;
    offset = box.end;
  }
}

const boxAt = async (source: MediaSource, offset: number, end: number): Promise<Box> => {
  const header = await source.read(offset, 16);
  if (offset + 8 > end || header.length < 8) throw contentTruncated('it ends within an MP4 box header');
  const type = header.toString('latin1', 4, 8);
  const short = header.readUInt32BE(0);
  if (short === 1 && (offset + 16 > end || header.length < 16)) throw contentTruncated('it ends within an MP4 box header');
  const headerBytes = short === 1 ? 16 : 8;
  const size = short === 1 ? Number(header.readBigUInt64BE(8)) : short === 0 ? end - offset : short;
  if (size < headerBytes) throw contentNotMedia('an MP4 box has an impossible size');
  if (offset + size > end) throw contentTruncated(`the MP4 box ${JSON.stringify(type)} reaches beyond its end`);
  return { type, start: offset + headerBytes, end: offset + size };
};
