import { contentNotMedia, contentTruncated } from './media-errors';
import { seconds, type MediaContent } from './media-content';
import type { MediaSource } from './media-source';

interface Frame {
  readonly bytes: number;
  readonly samples: number;
  readonly sampleRate: number;
}

/** kbit/s by layer, from https://www.iso.org/standard/22412.html (11172-3) and 13818-3. Index 0 and 15 are not usable. */
const BITRATES_1: Readonly<Record<number, readonly number[]>> = {
  1: [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  2: [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  3: [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
};
const BITRATES_2: readonly number[] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const BITRATES_2_LAYER_1: readonly number[] = [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256];
const SAMPLE_RATES = [44100, 48000, 32000];
const AAC_SAMPLE_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
const AAC_SAMPLES = 1024;

const mpegFrame = (header: Buffer): Frame | undefined => {
  if (header.length < 4 || header[0] !== 0xff || (header[1]! & 0xe0) !== 0xe0) return undefined;
  const version = (header[1]! >> 3) & 3; // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
  const layer = 4 - ((header[1]! >> 1) & 3);
  const rate = SAMPLE_RATES[(header[2]! >> 2) & 3];
  if (version === 1 || layer === 4 || rate === undefined) return undefined;
  const table = version === 3 ? BITRATES_1[layer]! : layer === 1 ? BITRATES_2_LAYER_1 : BITRATES_2;
  const bitrate = table[(header[2]! >> 4) - 1];
  if (bitrate === undefined) return undefined;
  const sampleRate = version === 3 ? rate : version === 2 ? rate / 2 : rate / 4;
  const samples = layer === 1 ? 384 : layer === 2 || version === 3 ? 1152 : 576;
  const slot = layer === 1 ? 4 : 1;
  const padding = (header[2]! >> 1) & 1;
  return { bytes: (Math.floor((samples / 8 / slot) * ((bitrate * 1000) / sampleRate)) + padding) * slot, samples, sampleRate };
};

const aacFrame = (header: Buffer): Frame | undefined => {
  if (header.length < 6 || header[0] !== 0xff || (header[1]! & 0xf6) !== 0xf0) return undefined;
  const sampleRate = AAC_SAMPLE_RATES[(header[2]! >> 2) & 15];
  const bytes = ((header[3]! & 3) << 11) | (header[4]! << 3) | (header[5]! >> 5);
  return sampleRate === undefined || bytes < 7 ? undefined : { bytes, samples: AAC_SAMPLES, sampleRate };
};

/** ID3v2: the size has seven bits in each of four bytes. */
const afterTag = (head: Buffer): number => {
  if (head.toString('latin1', 0, 3) !== 'ID3' || head.length < 10) return 0;
  const size = (head[6]! << 21) | (head[7]! << 14) | (head[8]! << 7) | head[9]!;
  return 10 + size + (head[5]! & 0x10 ? 10 : 0);
};

/** Tags at the end, or silence of zeros. */
const isTrailer = (data: Buffer): boolean => ['TAG', 'APE', 'LYR', 'ID3'].includes(data.toString('latin1', 0, 3)) || data.every((byte) => byte === 0);

const inspectFrames = async (source: MediaSource, mimeType: string, frameOf: (header: Buffer) => Frame | undefined): Promise<MediaContent> => {
  let offset = afterTag(await source.read(0, 10));
  let duration = 0;
  for (let frames = 0; offset < source.size; frames += 1) {
    const header = await source.read(offset, 8);
    const frame = frameOf(header);
    if (!frame) {
      if (frames > 0 && isTrailer(header)) break;
      throw header.length < 8 ? contentTruncated('it ends within a frame of sound') : contentNotMedia('its sound is broken');
    }
    offset += frame.bytes;
    duration += frame.samples / frame.sampleRate;
  }
  if (offset > source.size || duration === 0) throw contentTruncated('it ends within a frame of sound');
  return { mimeType, kind: 'audio', ...seconds(duration) };
};

export const inspectMp3 = (source: MediaSource): Promise<MediaContent> => inspectFrames(source, 'audio/mpeg', mpegFrame);
export const inspectAac = (source: MediaSource): Promise<MediaContent> => inspectFrames(source, 'audio/aac', aacFrame);

/** The start of a file is sound in frames: which, or undefined. A lone 0xff is not enough, the next frame must follow. */
export const frameInspector = async (source: MediaSource): Promise<typeof inspectMp3 | undefined> => {
  const start = afterTag(await source.read(0, 10));
  const candidates = [
    { frameOf: aacFrame, inspect: inspectAac },
    { frameOf: mpegFrame, inspect: inspectMp3 },
  ];
  for (const { frameOf, inspect } of candidates) {
    const first = frameOf(await source.read(start, 8));
    if (!first) continue;
    const next = start + first.bytes;
    if (start > 0 || next + 8 > source.size || frameOf(await source.read(next, 8))) return inspect;
  }
  return undefined;
};

/** WAV: RIFF chunks; the length is that of the data at the byte rate of the format. A stream's unknown size is 0 or all ones. */
export const inspectWav = async (source: MediaSource): Promise<MediaContent> => {
  let byteRate = 0;
  for (let offset = 12; ; ) {
    const chunk = await source.read(offset, 24);
    if (chunk.length < 8) throw contentTruncated('the WAV file has no data');
    const type = chunk.toString('latin1', 0, 4);
    const size = chunk.readUInt32LE(4);
    if (type === 'fmt ' && chunk.length >= 20) byteRate = chunk.readUInt32LE(16);
    if (type === 'data') {
      const streamed = size === 0 || size === 0xffffffff;
      if (!streamed && offset + 8 + size > source.size) throw contentTruncated('the WAV file is shorter than it says');
      const bytes = streamed ? source.size - offset - 8 : size;
      if (byteRate === 0) throw contentNotMedia('the WAV file does not say its format');
      return { mimeType: 'audio/wav', kind: 'audio', ...seconds(bytes / byteRate) };
    }
    offset += 8 + size + (size % 2);
  }
};
