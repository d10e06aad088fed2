import { tempDir, type TempDir } from '@ferry/testing/specs';
import type { MediaKind } from '@ferry/kernel';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fixture } from '../testing/running-cache';
import { earlyFactsOf, GrowingSource, NotYetThere, type EarlyFacts } from './early-facts';

let folder: TempDir;
beforeAll(async () => {
  folder = await tempDir('ferry-early-');
});
afterAll(() => folder.remove());

/** What the first bytes tell of a file of `size` bytes; the offset where more of it is needed. */
const early = async (content: Buffer, size: number, kind: MediaKind = 'video', headBytes = 100_000): Promise<EarlyFacts | number> => {
  const path = join(folder.path, 'file');
  await writeFile(path, content);
  const handle = await open(path);
  try {
    return await earlyFactsOf(new GrowingSource(handle, size, () => content.length), kind, headBytes);
  } catch (error) {
    if (error instanceof NotYetThere) return error.offset;
    throw error;
  } finally {
    await handle.close();
  }
};

const box = (type: string, bytes: number): Buffer => {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(bytes);
  header.write(type, 4);
  return header;
};

describe('early facts', () => {
  it('asks for the beginning until that is there, and then knows all that the index says', async () => {
    const video = await fixture('pixverse-harbour.mp4');
    let length = 0;
    let facts: EarlyFacts | number = 1;
    while (typeof facts === 'number') {
      expect(facts).toBeGreaterThan(length);
      length = facts;
      facts = await early(video.subarray(0, length), video.length);
    }
    expect(length).toBeLessThan(100_000);
    expect(facts).toEqual({ mimeType: 'video/mp4', width: 1280, height: 720, durationSeconds: 3 });
  });

  it.each<[string, MediaKind, EarlyFacts]>([
    ['isom', 'video', { mimeType: 'video/mp4' }],
    ['qt  ', 'video', { mimeType: 'video/quicktime' }],
    ['M4A ', 'audio', { mimeType: 'audio/mp4' }],
  ])('is the type alone where the index stands behind the media data (%s, %s)', async (brand, kind, facts) => {
    const head = Buffer.concat([box('ftyp', 16), Buffer.from(`${brand}\0\0\0\0`), box('mdat', 1_000_000), Buffer.alloc(64)]);
    expect(await early(head, 2_000_000, kind)).toEqual(facts);
  });

  it('knows an image by its first bytes, and a JPEG by its type', async () => {
    const png = await fixture('fixture.png');
    const whole = { width: png.readUInt32BE(16), height: png.readUInt32BE(20) };
    expect(await early(png.subarray(0, 32), png.length, 'image')).toEqual({ mimeType: 'image/png', ...whole });
    expect(await early(Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(40)]), 5_000_000, 'image')).toEqual({ mimeType: 'image/jpeg' });
  });

  it('is nothing of what is no media, or has its facts too far inside', async () => {
    expect(await early(Buffer.from(`<html>${' '.repeat(100)}`), 1_000_000)).toEqual({});
    const voice = await fixture('pixverse-voice.mp3');
    expect(await early(voice.subarray(0, 2_000), voice.length, 'audio', 2_000)).toEqual({});
  });
});
