import { SUBJECTS, type CachedFile } from '@ferry/contracts';
import { eventually } from '@ferry/testing/specs';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { problem, problemOf, RunningCache, sha256Of } from '../testing/running-cache';
import { describeOnTmpfs, Tmpfs } from '../testing/tmpfs';
import { Vendor } from '../testing/vendor';

const MiB = 1024 ** 2;
const VOLUME_BYTES = 8 * MiB;
const FLOOR_BYTES = 2 * MiB;
/** More than the volume has: the volume is what is short. */
const BUDGET_BYTES = 64 * MiB;

let cache: RunningCache;
let vendor: Vendor;
let volume: Tmpfs;
const attempts = new Map<string, number>();

const boot = async (floorBytes: number): Promise<void> => {
  await cache.shutDown();
  await cache.boot({ CACHE_MAX_BYTES: String(BUDGET_BYTES), CACHE_MIN_FREE_BYTES: String(floorBytes) });
  await cache.rested();
};
/** The next attempt to bring the asset in. */
const place = async (assetId: string, sizeBytes?: number): Promise<string> => {
  const attempt = (attempts.get(assetId) ?? 0) + 1;
  attempts.set(assetId, attempt);
  return (await cache.open(assetId, { attempt, sizeBytes })).putUrl;
};
const put = async (assetId: string, content: Buffer): Promise<Response> =>
  fetch(await place(assetId, content.length), { method: 'PUT', body: new Uint8Array(content) });
const putChunked = async (assetId: string, content: Buffer): Promise<Response> =>
  fetch(await place(assetId), { method: 'PUT', body: new Blob([new Uint8Array(content)]).stream(), duplex: 'half' } as RequestInit);
const served = async ({ assetId }: CachedFile): Promise<string> => {
  const { leaseId, getUrl } = await cache.lease(assetId);
  const response = await fetch(getUrl);
  const bytes = Buffer.from(await response.arrayBuffer());
  await cache.ask(SUBJECTS.cache.release, { leaseId });
  return response.status === 200 ? sha256Of(bytes) : String(response.status);
};
const checkDisk = async (): Promise<void> => {
  expect(await cache.usage()).toMatchObject({ usedBytes: await cache.bytesOnDisk(), reservedBytes: 0 });
  expect(await cache.temporaryFiles()).toEqual([]);
};
const remove = async (assetId: string): Promise<void> => {
  await cache.deleteAsset(assetId);
  await eventually(async () => expect(await readdir(`${cache.cacheDir}/assets`)).not.toContain(assetId));
};

describeOnTmpfs('a volume of its own', () => {
  beforeAll(async () => {
    cache = await RunningCache.start();
    await cache.shutDown();
    volume = await Tmpfs.mount(cache.cacheDir, VOLUME_BYTES);
    await boot(FLOOR_BYTES);
    vendor = await Vendor.start(cache);
  }, 60_000);
  afterAll(async () => {
    await vendor?.stop();
    await cache?.shutDown();
    volume?.unmount();
    await cache?.stop();
  });
  afterEach(async () => {
    await volume.unfill();
    for (const assetId of await readdir(`${cache.cacheDir}/assets`)) await remove(assetId);
  });

  it('keeps its floor free, whoever writes: files of the cache go for it', async () => {
    let lowest = Infinity;
    let writing = true;
    const sampled = (async () => {
      while (writing) lowest = Math.min(lowest, await volume.free());
    })();
    const assets = await Promise.all(Array.from({ length: 16 }, () => vendor.asset(true)));
    const answers: number[] = [];
    for (let at = 0; at < assets.length; at += 4) {
      const [growing, ...known] = assets.slice(at, at + 4);
      answers.push(...(await Promise.all(known.map((assetId) => put(assetId, vendor.content())))).map(({ status }) => status));
      answers.push((await putChunked(growing!, vendor.content())).status);
    }
    writing = false;
    await sampled;
    expect([...new Set(answers)]).toEqual([201]);
    expect(lowest).toBeGreaterThanOrEqual(FLOOR_BYTES);
    expect(lowest).toBeLessThan(FLOOR_BYTES + MiB);
    await checkDisk();
  }, 60_000);

  it('says that the volume is short where others fill it, evicts nothing in vain, and goes on by itself when there is room', async () => {
    const kept = (await (await put(await vendor.asset(true), vendor.content())).json()) as CachedFile;
    await volume.fill(FLOOR_BYTES - MiB);
    const next = await vendor.asset(true);
    const heldBy = { evictable: expect.any(Number) as number, volume: true };
    await expect(place(next, vendor.video.length)).rejects.toMatchObject({ code: 'CACHE_FULL', category: 'no-space', details: { freeBytes: FLOOR_BYTES - MiB, floorBytes: FLOOR_BYTES, heldBy } });
    expect(await problemOf(await putChunked(next, vendor.content()))).toEqual(problem(507, 'CACHE_FULL'));
    expect(await served(kept)).toBe(kept.sha256);
    await checkDisk();
    await volume.unfill();
    expect((await put(next, vendor.content())).status).toBe(201);
    expect(await cache.eventTypes(kept.assetId)).toEqual(['FileCached']);
  });

  it.each<[string, number]>([
    ['the floor is passed', FLOOR_BYTES],
    ['nothing is left', 0],
  ])('breaks off what is being written when others fill the volume until %s, and loses nothing else', async (_, floorBytes) => {
    await boot(floorBytes);
    const kept = (await (await put(await vendor.asset(false), vendor.content())).json()) as CachedFile;
    const next = await vendor.asset(true);
    const content = vendor.content();
    const sender = request(await place(next, content.length), { method: 'PUT', headers: { 'content-length': content.length } });
    const answered = once(sender, 'response') as Promise<[IncomingMessage]>;
    sender.write(content.subarray(0, 100_000));
    await eventually(async () => expect(await cache.temporaryFiles()).toHaveLength(1));
    await volume.fill();
    sender.end(content.subarray(100_000));
    const [response] = await answered;
    const { code, detail } = JSON.parse(Buffer.concat(await response.toArray()).toString()) as { code: string; detail: string };
    expect([response.statusCode, code]).toEqual([507, 'CACHE_FULL']);
    expect(detail).toMatch(/Free space on (it|the volume)/);
    expect(await served(kept)).toBe(kept.sha256);
    await checkDisk();
    await volume.unfill();
    expect((await put(next, content)).status).toBe(201);
    expect(await cache.eventTypes(kept.assetId)).toEqual(['FileCached']);
  }, 30_000);

  it('serves from a read-only disk, refuses new files by name, and catches up with what it could not delete', async () => {
    const [kept, going] = [await put(await vendor.asset(true), vendor.content()), await put(await vendor.asset(true), vendor.content())].map((response) => response.json() as Promise<CachedFile>);
    const [file, gone] = [await kept!, await going!];
    const next = await vendor.asset(true);
    volume.makeReadOnly();
    try {
      expect(await problemOf(await put(next, vendor.content()))).toEqual(problem(503, 'CACHE_UNAVAILABLE'));
      expect(await served(file)).toBe(file.sha256);
      await cache.deleteAsset(gone.assetId);
      await eventually(async () => expect((await cache.eventTypes(gone.assetId)).at(-1)).toBe('FileEvicted'));
      await expect(cache.lease(gone.assetId)).rejects.toMatchObject({ code: 'NOT_CACHED' });
      await checkDisk();
    } finally {
      volume.makeWritable();
    }
    await eventually(async () => expect(await readdir(`${cache.cacheDir}/assets`)).toEqual([file.assetId]), { timeoutMs: 30_000 });
    expect((await put(next, vendor.content())).status).toBe(201);
    await checkDisk();
  }, 60_000);
});
