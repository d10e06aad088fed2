import { open, type FileHandle } from 'node:fs/promises';

/** Pixels and seconds, where they can be read. */
export interface MediaFacts {
  readonly width?: number;
  readonly height?: number;
  readonly durationSeconds?: number;
}

export interface SniffedMedia extends MediaFacts {
  /** What the bytes are, whatever the sender calls them; absent: not known. */
  readonly sniffedType?: string;
}

const MAX_INDEX_BYTES = 32 * 1024 * 1024;
const HEAD_BYTES = 64 * 1024;

const ascii = (head: Buffer, from: number, to: number): string => head.toString('latin1', from, to);

/** The boxes of an MP4, in one level. */
function* boxes(data: Buffer): Generator<{ type: string; body: Buffer }> {
  for (let at = 0; at + 8 <= data.length; ) {
    const size = data.readUInt32BE(at);
    if (size < 8 || at + size > data.length) return;
    yield { type: ascii(data, at + 4, at + 8), body: data.subarray(at + 8, at + size) };
    at += size;
  }
}

const readMovie = async (file: FileHandle, size: number): Promise<Buffer | undefined> => {
  const header = Buffer.alloc(16);
  for (let at = 0; at + 8 <= size; ) {
    await file.read(header, 0, 16, at);
    const short = header.readUInt32BE(0);
    const length = short === 1 ? Number(header.readBigUInt64BE(8)) : short === 0 ? size - at : short;
    if (length < 8) return undefined;
    if (ascii(header, 4, 8) === 'moov' && length <= MAX_INDEX_BYTES && at + length <= size) {
      const movie = Buffer.alloc(length - 8);
      await file.read(movie, 0, movie.length, at + 8);
      return movie;
    }
    at += length;
  }
  return undefined;
};

const mp4Facts = (movie: Buffer): MediaFacts => {
  let facts: MediaFacts = {};
  for (const { type, body } of boxes(movie)) {
    if (type === 'mvhd') {
      const long = body[0] === 1;
      const scale = body.readUInt32BE(long ? 20 : 12);
      const duration = long ? Number(body.readBigUInt64BE(24)) : body.readUInt32BE(16);
      facts = { ...facts, durationSeconds: duration / scale };
    }
    if (type !== 'trak') continue;
    const header = [...boxes(body)].find((box) => box.type === 'tkhd')?.body;
    const at = header?.[0] === 1 ? 88 : 76;
    const width = header ? header.readUInt32BE(at) >>> 16 : 0;
    if (header && width > 0) facts = { ...facts, width, height: header.readUInt32BE(at + 4) >>> 16 };
  }
  return facts;
};

const jpegFacts = (head: Buffer): MediaFacts => {
  for (let at = 2; at + 9 < head.length && head[at] === 0xff; at += 2 + head.readUInt16BE(at + 2)) {
    const marker = head[at + 1]!;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: head.readUInt16BE(at + 5), width: head.readUInt16BE(at + 7) };
  }
  return {};
};

const webpFacts = (head: Buffer): MediaFacts => {
  const format = ascii(head, 12, 16);
  if (format === 'VP8X') return { width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 };
  if (format === 'VP8 ') return { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff };
  const bits = head.readUInt32LE(21);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
};

const sniffHead = (head: Buffer): SniffedMedia => {
  if (head.length >= 24 && ascii(head, 1, 4) === 'PNG') return { sniffedType: 'image/png', width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
  if (head[0] === 0xff && head[1] === 0xd8) return { sniffedType: 'image/jpeg', ...jpegFacts(head) };
  if (head.length >= 30 && ascii(head, 0, 4) === 'RIFF' && ascii(head, 8, 12) === 'WEBP') return { sniffedType: 'image/webp', ...webpFacts(head) };
  if (ascii(head, 0, 4) === 'RIFF' && ascii(head, 8, 12) === 'WAVE') return { sniffedType: 'audio/wav' };
  if (ascii(head, 0, 3) === 'ID3') return { sniffedType: 'audio/mpeg' };
  if (head[0] === 0xff && (head[1]! & 0xf6) === 0xf0) return { sniffedType: 'audio/aac' };
  if (head[0] === 0xff && (head[1]! & 0xe0) === 0xe0) return { sniffedType: 'audio/mpeg' };
  if (head.length >= 4 && head.readUInt32BE(0) === 0x1a45dfa3) return { sniffedType: 'video/webm' };
  return {};
};

/** Looks into a file. Knows PNG, JPEG, WebP, MP4 and MOV with size and duration; WebM, MP3, WAV, M4A and AAC by type alone. */
export const sniffMedia = async (path: string): Promise<SniffedMedia> => {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const head = Buffer.alloc(Math.min(size, HEAD_BYTES));
    await file.read(head, 0, head.length, 0);
    if (ascii(head, 4, 8) !== 'ftyp') return sniffHead(head);
    const brand = ascii(head, 8, 12);
    const movie = await readMovie(file, size);
    const sniffedType = brand.startsWith('M4A') ? 'audio/mp4' : brand === 'qt  ' ? 'video/quicktime' : 'video/mp4';
    return { sniffedType, ...(movie ? mp4Facts(movie) : {}) };
  } finally {
    await file.close();
  }
};
