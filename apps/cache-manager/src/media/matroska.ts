import { contentNotMedia, contentTruncated } from './media-errors';
import { seconds, type MediaContent } from './media-content';
import type { MediaSource } from './media-source';

/** Element ids, from https://www.matroska.org/technical/elements.html */
const ID = {
  docType: 0x4282,
  segment: 0x18538067,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  duration: 0x4489,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackType: 0x83,
  video: 0xe0,
  pixelWidth: 0xb0,
  pixelHeight: 0xba,
  cluster: 0x1f43b675,
} as const;
const NANOSECONDS = 1e9;
const DEFAULT_TIMESTAMP_SCALE = 1e6;
const MAX_ELEMENTS = 100_000;

interface Element {
  readonly id: number;
  readonly start: number;
  readonly end: number;
  readonly unknownSize: boolean;
}

interface Facts {
  docType: string;
  timestampScale: number;
  duration: number;
  trackTypes: number[];
  width?: number;
  height?: number;
  clusters: number;
  elements: number;
}

/** WebM or Matroska: the segment is as long as it says; its size, length and tracks. */
export const inspectMatroska = async (source: MediaSource): Promise<MediaContent> => {
  const facts: Facts = { docType: '', timestampScale: DEFAULT_TIMESTAMP_SCALE, duration: 0, trackTypes: [], clusters: 0, elements: 0 };
  await readElements(source, 0, source.size, facts);
  if (facts.docType !== 'webm' && facts.docType !== 'matroska') throw contentNotMedia('it is an EBML document of another type');
  if (facts.clusters === 0) throw contentTruncated('the WebM file has no media data');
  const video = facts.trackTypes.includes(1);
  if (!video && !facts.trackTypes.includes(2)) throw contentNotMedia('the WebM file has neither picture nor sound');
  return {
    mimeType: `${video ? 'video' : 'audio'}/${facts.docType === 'webm' ? 'webm' : 'x-matroska'}`,
    kind: video ? 'video' : 'audio',
    ...(video && facts.width && facts.height ? { width: facts.width, height: facts.height } : {}),
    ...seconds((facts.duration * facts.timestampScale) / NANOSECONDS),
  };
};

const readElements = async (source: MediaSource, start: number, end: number, facts: Facts): Promise<void> => {
  for (let offset = start; offset < end; ) {
    const element = await elementAt(source, offset, end);
    if ((facts.elements += 1) > MAX_ELEMENTS) throw contentNotMedia('its Matroska elements are too many');
    await readElement(source, element, facts);
    // What is in a cluster of unknown size follows as if it stood beside it.
    offset = element.unknownSize && element.id === ID.cluster ? element.start : element.end;
  }
};

const readElement = async (source: MediaSource, element: Element, facts: Facts): Promise<void> => {
  const { id, start, end } = element;
  const data = async (): Promise<Buffer> => source.read(start, Math.min(end - start, 64));
  switch (id) {
    case 0x1a45dfa3:
    case ID.segment:
    case ID.info:
    case ID.tracks:
    case ID.trackEntry:
    case ID.video:
      return readElements(source, start, end, facts);
    case ID.cluster:
      facts.clusters += 1;
      return;
    case ID.docType:
      facts.docType = (await data()).toString('latin1').replace(/\0+$/, '');
      return;
    case ID.timestampScale:
      facts.timestampScale = unsigned(await data());
      return;
    case ID.duration:
      facts.duration = float(await data());
      return;
    case ID.trackType:
      facts.trackTypes.push(unsigned(await data()));
      return;
    case ID.pixelWidth:
      facts.width ??= unsigned(await data());
      return;
    case ID.pixelHeight:
      facts.height ??= unsigned(await data());
      return;
    default:
      return;
  }
};

const unsigned = (data: Buffer): number => data.reduce((value, byte) => value * 256 + byte, 0);
const float = (data: Buffer): number => (data.length === 4 ? data.readFloatBE(0) : data.length === 8 ? data.readDoubleBE(0) : 0);

/** Id and size are numbers whose first byte says their length by its leading zeros. A size of all ones is unknown. */
const elementAt = async (source: MediaSource, offset: number, end: number): Promise<Element> => {
  const header = await source.read(offset, 12);
  const idLength = Math.clz32(header[0]!) - 23;
  const sizeAt = header[idLength];
  if (idLength > 4) throw contentNotMedia('its Matroska elements are broken');
  if (sizeAt === undefined) throw contentTruncated('it ends within a Matroska element');
  const sizeLength = Math.clz32(sizeAt) - 23;
  if (sizeLength > 8) throw contentNotMedia('its Matroska elements are broken');
  if (header.length < idLength + sizeLength) throw contentTruncated('it ends within a Matroska element');
  const sizeBytes = Buffer.from(header.subarray(idLength, idLength + sizeLength));
  sizeBytes[0]! &= (1 << (8 - sizeLength)) - 1;
  const unknownSize = sizeBytes.every((byte, index) => byte === (index === 0 ? (1 << (8 - sizeLength)) - 1 : 0xff));
  const start = offset + idLength + sizeLength;
  const size = unsigned(sizeBytes);
  if (!unknownSize && start + size > end) throw contentTruncated('a Matroska element reaches beyond its end');
  return { id: unsigned(header.subarray(0, idLength)), start, end: unknownSize ? end : start + size, unknownSize };
};
