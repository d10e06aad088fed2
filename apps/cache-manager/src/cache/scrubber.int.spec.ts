import { eventually } from '@ferry/testing/specs';
import { open, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { fixture, RunningCache } from '../testing/running-cache';

let cache: RunningCache;

beforeAll(async () => {
  cache = await RunningCache.start();
}, 60_000);
afterAll(() => cache?.stop());

/** One bit, with size and dates as they were. */
const rot = async (path: string): Promise<void> => {
  const { atime, mtime, size } = await stat(path);
  const handle = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, size - 1);
  byte[0]! ^= 1;
  await handle.write(byte, 0, 1, size - 1);
  await handle.close();
  await utimes(path, atime, mtime);
};

it('finds what rots on the disk, in every asset that has the content, and leaves the rest', async () => {
  const content = await fixture('pixverse-harbour.mp4');
  const [one, two] = [await cache.cached(content), await cache.cached(content)];
  const other = await cache.cached(await fixture('fixture.png'), { kind: 'image' });
  await cache.shutDown();
  await rot(join(cache.cacheDir, one.path));
  await cache.boot({ CACHE_SCRUB_BYTES_PER_SECOND: '1000000000' });
  for (const { assetId } of [one, two]) {
    await eventually(async () => expect(await cache.eventTypes(assetId)).toEqual(['FileCached', 'FileCorrupted']));
    await expect(cache.lease(assetId)).rejects.toMatchObject({ code: 'NOT_CACHED' });
  }
  await eventually(async () => expect(await cache.usage()).toMatchObject({ files: 1, leases: 0, usedBytes: await cache.bytesOnDisk() }));
  const { getUrl } = await cache.lease(other.assetId);
  expect((await fetch(getUrl)).status).toBe(200);
  // The same content comes again as a file of its own, not as the damaged one.
  const again = await cache.cached(content);
  const { getUrl: anew } = await cache.lease(again.assetId);
  expect(Buffer.from(await (await fetch(anew)).arrayBuffer()).equals(content)).toBe(true);
}, 60_000);
