import { rounds, seed, tempDir, type TempDir } from '@ferry/testing/specs';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspectMedia } from './inspect';
import { MediaSource } from './media-source';

const FIXTURES = join(__dirname, '../../../../tools/provider-simulator/fixtures');
const fixture = (name: string): Promise<Buffer> => readFile(join(FIXTURES, name));

let folder: TempDir;
beforeAll(async () => {
  folder = await tempDir('ferry-media-');
});
afterAll(() => folder.remove());

const inspect = async (bytes: Buffer) => {
  const path = join(folder.path, randomUUID());
  await writeFile(path, bytes);
  const handle = await open(path);
  try {
    return await inspectMedia(new MediaSource(handle, bytes.length));
  } finally {
    await handle.close();
  }
};

const codeOf = (bytes: Buffer): Promise<string> =>
  inspect(bytes).then(
    () => 'accepted',
    (error: { code?: string }) => error.code ?? String(error),
  );

const box = (type: string, ...content: Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  const header = Buffer.alloc(8);
  header.writeUInt32BE(body.length + 8);
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, body]);
};
const ftyp = (brand = 'isom'): Buffer => box('ftyp', Buffer.from(brand), Buffer.alloc(4));
const riff = (form: string, ...chunks: Buffer[]): Buffer => {
  const body = Buffer.concat([Buffer.from(form), ...chunks]);
  const header = Buffer.from('RIFF\0\0\0\0');
  header.writeUInt32LE(body.length, 4);
  return Buffer.concat([header, body]);
};
const chunk = (type: string, data: Buffer): Buffer => {
  const header = Buffer.from(`${type}\0\0\0\0`);
  header.writeUInt32LE(data.length, 4);
  return Buffer.concat([header, data]);
};
const wav = (dataBytes: number): Buffer => {
  const format = Buffer.alloc(16);
  format.writeUInt32LE(32_000, 8);
  return riff('WAVE', chunk('fmt ', format), chunk('data', Buffer.alloc(dataBytes)));
};
const webpLarge = (): Buffer => riff('WEBP', chunk('VP8X', Buffer.from([0, 0, 0, 0, 0xff, 0x04, 0x00, 0xcf, 0x02, 0x00])));
const jpeg = (): Buffer =>
  Buffer.from([
    ...[0xff, 0xd8, 0xff, 0xe0, 0x00, 0x04, 0x00, 0x00],
    ...[0xff, 0xc0, 0x00, 0x0b, 0x08, 0x02, 0xd0, 0x05, 0x00, 0x01, 0x01, 0x11, 0x00],
    ...[0xff, 0xda, 0x00, 0x08, 0x01, 0x01, 0x00, 0x00, 0x3f, 0x00],
    ...[0x12, 0xff, 0x00, 0x34, 0xff, 0xd0, 0x56, 0xff, 0xd9],
  ]);
const adts = (frames: number): Buffer => {
  const frame = Buffer.alloc(64);
  frame.set([0xff, 0xf1, 0x4c, 0x80, 0x08, 0x1f, 0xfc]);
  return Buffer.concat(Array.from({ length: frames }, () => frame));
};
const element = (id: number[], ...content: Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([...id, 0x10 | ((body.length >>> 24) & 0x0f), ...[16, 8, 0].map((shift) => (body.length >>> shift) & 0xff)]), body]);
};
const webm = (): Buffer => {
  const duration = Buffer.alloc(8);
  duration.writeDoubleBE(2500);
  return Buffer.concat([
    element([0x1a, 0x45, 0xdf, 0xa3], element([0x42, 0x82], Buffer.from('webm'))),
    element(
      [0x18, 0x53, 0x80, 0x67],
      element([0x15, 0x49, 0xa9, 0x66], element([0x2a, 0xd7, 0xb1], Buffer.from([0x0f, 0x42, 0x40])), element([0x44, 0x89], duration)),
      element(
        [0x16, 0x54, 0xae, 0x6b],
        element(
          [0xae],
          element([0x83], Buffer.from([1])),
          element([0xe0], element([0xb0], Buffer.from([0x05, 0x00])), element([0xba], Buffer.from([0x02, 0xd0]))),
        ),
      ),
      element([0x1f, 0x43, 0xb6, 0x75], Buffer.alloc(500)),
    ),
  ]);
};

describe('what files are', () => {
  it.each([
    ['pixverse-harbour.mp4', { mimeType: 'video/mp4', kind: 'video', width: 1280, height: 720, durationSeconds: 3 }],
    ['sora-lighthouse.mp4', { mimeType: 'video/mp4', kind: 'video', width: 1280, height: 720, durationSeconds: 3 }],
    ['fixture.png', { mimeType: 'image/png', kind: 'image', width: 1280, height: 720 }],
  ])('%s', async (name, facts) => {
    expect(await inspect(await fixture(name))).toEqual(facts);
  });

  it('an MP3 file, with its length within a frame', async () => {
    const facts = await inspect(await fixture('pixverse-voice.mp3'));
    expect(facts).toMatchObject({ mimeType: 'audio/mpeg', kind: 'audio' });
    expect(Math.abs(facts.durationSeconds! - 3)).toBeLessThan(0.1);
  });

  it.each([
    ['WebM', webm(), { mimeType: 'video/webm', kind: 'video', width: 1280, height: 720, durationSeconds: 2.5 }],
    ['WebP', webpLarge(), { mimeType: 'image/webp', kind: 'image', width: 1280, height: 720 }],
    ['JPEG', jpeg(), { mimeType: 'image/jpeg', kind: 'image', width: 1280, height: 720 }],
    ['WAV', wav(16_000), { mimeType: 'audio/wav', kind: 'audio', durationSeconds: 0.5 }],
    ['AAC', adts(47), { mimeType: 'audio/aac', kind: 'audio', durationSeconds: 1.003 }],
  ])('%s', async (_, bytes, facts) => {
    expect(await inspect(bytes)).toEqual(facts);
  });
});

describe('what is refused', () => {
  it.each([
    ['an HTML page', Buffer.from('<!DOCTYPE html><html><body>502</body></html>')],
    ['JSON', Buffer.from('{"error":"expired"}')],
    ['text', Buffer.from('Access denied, and nothing else')],
    ['a HEIF image', Buffer.concat([ftyp('heic'), box('meta'), box('mdat')])],
    ['an MP4 file without tracks', Buffer.concat([ftyp(), box('moov', box('mvhd', Buffer.alloc(100))), box('mdat', Buffer.alloc(9))])],
  ])('%s is no media', async (_, bytes) => {
    expect(await codeOf(bytes)).toBe('CONTENT_NOT_MEDIA');
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['an MP4 file without its index', Buffer.concat([ftyp(), box('mdat', Buffer.alloc(100))])],
    ['an MP4 file without its media', Buffer.concat([ftyp(), box('moov', box('mvhd', Buffer.alloc(100)))])],
    ['an MP4 index that ends in a table', Buffer.concat([ftyp(), box('moov', box('trak', box('mdia', box('minf', box('stbl', box('stco')))))), box('mdat')])],
  ])('%s is truncated', async (_, bytes) => {
    expect(await codeOf(bytes)).toBe('CONTENT_TRUNCATED');
  });

  it.each(['pixverse-harbour.mp4', 'sora-lighthouse.mp4', 'fixture.png'])('%s, cut anywhere', async (name) => {
    const whole = await fixture(name);
    const cut = fc.oneof(fc.integer({ min: 0, max: whole.length - 1 }), fc.integer({ min: 1, max: 4096 }), fc.integer({ min: 1, max: 4096 }).map((less) => whole.length - less));
    await fc.assert(
      fc.asyncProperty(cut, async (length) => {
        expect(await codeOf(whole.subarray(0, length))).toMatch(length < 12 ? /^CONTENT_(TRUNCATED|NOT_MEDIA)$/ : /^CONTENT_TRUNCATED$/);
      }),
      { numRuns: rounds(60), seed: seed() },
    );
  });

  it.each([
    ['WebM', webm()],
    ['WebP', webpLarge()],
    ['JPEG', jpeg()],
    ['WAV', wav(2_000)],
    ['AAC', adts(5)],
  ])('a %s file, cut at each of its bytes', async (_, whole) => {
    const frame = 64;
    for (let length = 12; length < whole.length; length += 1) {
      const atFrame = whole[1] === 0xf1 && length % frame === 0;
      expect([length, await codeOf(whole.subarray(0, length))]).toEqual([length, atFrame ? 'accepted' : 'CONTENT_TRUNCATED']);
    }
  });

  it('a picture that is all escaped bytes, each part read once', async () => {
    const picture = jpeg();
    const escaped = Buffer.from('ff00'.repeat(8 * 1024 * 1024), 'hex');
    const whole = Buffer.concat([picture.subarray(0, -2), escaped, picture.subarray(-2)]);
    expect(await codeOf(whole)).toBe('accepted');
    expect(await codeOf(whole.subarray(0, -1))).toBe('CONTENT_TRUNCATED');
  });

  it('any bytes whatever: an answer with a code, never a failure of ours', async () => {
    const whole = await fixture('pixverse-harbour.mp4');
    const head = whole.subarray(0, 8_192);
    const damage = fc.array(fc.tuple(fc.integer({ min: 0, max: head.length - 1 }), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 20 });
    const damaged = damage.map((changes) => {
      const copy = Buffer.from(head);
      for (const [at, value] of changes) copy[at] = value;
      return copy;
    });
    const anything = fc.oneof(damaged, fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)));
    await fc.assert(
      fc.asyncProperty(anything, async (bytes) => {
        expect(await codeOf(bytes)).toMatch(/^(accepted|CONTENT_(TRUNCATED|NOT_MEDIA))$/);
      }),
      { numRuns: rounds(100), seed: seed() },
    );
  });
});
