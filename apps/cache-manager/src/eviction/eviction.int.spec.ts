import { SUBJECTS, type CachedFile, type CacheUsage } from '@ferry/contracts';
import { usageStream, type UsageEvent } from '@ferry/domain/transfer/events';
import { metadataFor } from '@ferry/event-store';
import type { RecordedEvent } from '@ferry/kernel';
import { eventually } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_BYTES, RunningCache } from '../testing/running-cache';
import { Vendor } from '../testing/vendor';

let cache: RunningCache;
let vendor: Vendor;

beforeAll(async () => {
  cache = await RunningCache.start();
  vendor = await Vendor.start(cache);
}, 60_000);
afterAll(async () => {
  await vendor?.stop();
  await cache?.stop();
});

const asset = (isAlive: boolean, expiresAt?: string): Promise<string> => vendor.asset(isAlive, expiresAt);
const put = async (assetId: string, content = vendor.content()): Promise<Response> => {
  const { putUrl } = await cache.open(assetId, { sizeBytes: content.length });
  return fetch(putUrl, { method: 'PUT', body: new Uint8Array(content) });
};
const cached = async (assetId: string): Promise<CachedFile> => {
  const response = await put(assetId);
  expect(response.status).toBe(201);
  return (await response.json()) as CachedFile;
};
const lastOf = async (assetId: string): Promise<RecordedEvent> => (await cache.events(assetId)).at(-1)!;
const remove = async (...assetIds: string[]): Promise<void> => {
  for (const assetId of assetIds) {
    await cache.deleteAsset(assetId);
    await eventually(async () => expect(['FileEvicted', undefined]).toContain((await cache.events(assetId)).at(-1)?.type));
  }
};
const decide = (what: 'pin' | 'unpin' | 'releaseLastCopy', assetId: string): Promise<unknown> => cache.ask(SUBJECTS.cache[what], { assetId, commandId: randomUUID() });
/** No file of an earlier case. */
const emptied = async (): Promise<void> => {
  for (const assetId of await readdir(join(cache.cacheDir, 'assets'))) await remove(assetId);
};
const checkDisk = async (): Promise<void> => {
  const usage: CacheUsage = await cache.usage();
  expect([usage.usedBytes, usage.usedBytes <= MAX_BYTES, usage.reservedBytes]).toEqual([await cache.bytesOnDisk(), true, 0]);
};

describe('a full cache', () => {
  beforeEach(emptied);

  it('evicts the least recently used files whose origin lives, says so in the events, and never exceeds its budget', async () => {
    const assets: string[] = [];
    for (let count = 0; count < 8; count += 1) {
      assets.push(await asset(true));
      await cached(assets.at(-1)!);
      await checkDisk();
    }
    const evicted = (await Promise.all(assets.map(lastOf))).map(({ type }) => type === 'FileEvicted');
    // Four fit into the budget; all were used in the same minute or the next one, so the order is by their ids within each.
    expect(evicted.filter(Boolean).length).toBeGreaterThanOrEqual(4);
    expect(evicted.at(-1)).toBe(false);
    const gone = assets.filter((_, at) => evicted[at]);
    const { data } = await lastOf(gone[0]!);
    expect(data).toMatchObject({ nodeId: 'node-1', reason: 'space', otherCopy: { from: 'origin' } });
    expect((data as { freedBytes: number }).freedBytes).toBeGreaterThan(vendor.video.length);
    await expect(cache.lease(gone[0]!)).rejects.toMatchObject({ code: 'NOT_CACHED' });
    await expect(stat(join(cache.cacheDir, 'assets', gone[0]!))).rejects.toMatchObject({ code: 'ENOENT' });
  }, 60_000);

  it('keeps a file whose asset was handed out by reference longer than others, although nobody read it', async () => {
    const assets: string[] = [];
    for (let count = 0; count < 4; count += 1) {
      assets.push(await asset(true));
      await cached(assets.at(-1)!);
    }
    const minute = new Date(Date.now() + 10 * 60_000).toISOString();
    const used = assets.toSorted()[0]!;
    const data = { minute, uses: [{ routeId: randomUUID(), assetId: used }] };
    await cache.eventStore.record<UsageEvent>({ stream: usageStream(0), events: [{ type: 'ReferencesUsed', data }], metadata: metadataFor({ owner: '*', actor: 'service:transfer', commandId: randomUUID() }) });
    // What is deleted afterwards goes afterwards: the use is known then.
    await remove(assets.toSorted()[3]!);
    for (let count = 0; count < 3; count += 1) await cached(await asset(true));
    expect((await lastOf(used)).type).toBe('FileCached');
  }, 60_000);

  it('tells nobody that a file is there which is about to go', async () => {
    const assets: string[] = [];
    for (let count = 0; count < 4; count += 1) {
      assets.push(await asset(true));
      await cached(assets.at(-1)!);
    }
    for (let count = 0; count < 4; count += 1) {
      const next = await asset(true);
      // Asked for at the same time as their room is: each lease that is given has its file.
      const [, ...leases] = await Promise.allSettled([cached(next), ...assets.map((assetId) => cache.lease(assetId))]);
      for (const lease of leases) {
        if (lease.status === 'fulfilled') expect((await fetch(lease.value.getUrl)).status).toBe(200);
        else expect(lease.reason).toMatchObject({ code: 'NOT_CACHED' });
      }
      await eventually(async () => expect((await cache.usage()).leases).toBe(0));
      assets.push(next);
    }
    await checkDisk();
    expect(await cache.metrics()).toMatch(/ferry_cache_evictions_total\{reason="space",service="cache-manager"\} [1-9]/);
  }, 60_000);

  it('evicts ahead of need, down to the low watermark', async () => {
    const assets = [await asset(true), await asset(true), await asset(true), await asset(true)];
    for (const assetId of assets) await cached(assetId);
    await cache.shutDown();
    await cache.boot({ CACHE_HIGH_WATERMARK: '0.8', CACHE_LOW_WATERMARK: '0.5' });
    await eventually(async () => expect((await cache.usage()).usedBytes).toBeLessThanOrEqual(MAX_BYTES / 2));
    const types = await Promise.all(assets.map(async (assetId) => (await lastOf(assetId)).type));
    expect(types.filter((type) => type === 'FileEvicted')).toHaveLength(2);
    await cache.shutDown();
    await cache.boot();
    await cache.rested();
  }, 60_000);

  it('keeps what is leased, pinned, or the last copy, and says what holds the room', async () => {
    const [leased, pinned, dying, unknown] = [await asset(true), await asset(true), await asset(true, new Date(Date.now() + 60_000).toISOString()), await asset(false)];
    for (const assetId of [leased, pinned, dying, unknown]) await cached(assetId);
    await cache.lease(leased);
    await decide('pin', pinned);
    const refused = cache.open(await asset(true), { sizeBytes: vendor.video.length });
    await expect(refused).rejects.toMatchObject({ code: 'CACHE_FULL', category: 'no-space', details: { heldBy: { evictable: 0 } } });
    const { details } = (await refused.catch((error: unknown) => error)) as { details: { heldBy: Record<string, number> } };
    expect(Object.keys(details.heldBy).filter((reason) => details.heldBy[reason]! > vendor.video.length).sort()).toEqual(['last-copy', 'leased', 'pinned']);
    // The lease ends by itself: its file is the only one that may go.
    const [first, second, third] = [await asset(true), await asset(true), await asset(true)];
    await eventually(async () => expect((await put(first)).status).toBe(201));
    expect((await lastOf(leased)).type).toBe('FileEvicted');
    await remove(first);
    // So it is when the pin is taken back, and when a last copy is given up.
    await cached(await asset(false));
    await expect(put(second)).rejects.toMatchObject({ code: 'CACHE_FULL' });
    await decide('unpin', pinned);
    await cached(second);
    expect((await lastOf(pinned)).type).toBe('FileEvicted');
    await remove(second);
    await cached(await asset(false));
    await expect(put(third)).rejects.toMatchObject({ code: 'CACHE_FULL' });
    await decide('releaseLastCopy', dying);
    await cached(third);
    expect((await cache.events(dying)).at(-1)).toMatchObject({ type: 'FileEvicted', data: { reason: 'last-copy-released' } });
    expect((await lastOf(unknown)).type).toBe('FileCached');
    await checkDisk();
  }, 60_000);
});

describe('a pin', () => {
  beforeAll(emptied);

  it('is the owner\'s, once whoever repeats it, and within the share of an owner', async () => {
    const assets = [await asset(true), await asset(true), await asset(true)];
    for (const assetId of assets) await cached(assetId);
    const [one, two, three] = assets as [string, string, string];
    await expect(cache.ask(SUBJECTS.cache.pin, { assetId: one, owner: 'other', commandId: randomUUID() })).rejects.toMatchObject({ code: 'NOT_CACHED' });
    await decide('pin', one);
    await decide('pin', one);
    await decide('pin', two);
    await expect(decide('pin', three)).rejects.toMatchObject({ code: 'UNEVICTABLE_LIMIT', category: 'no-space', details: { limitBytes: MAX_BYTES / 2 } });
    await decide('unpin', two);
    await decide('pin', three);
    expect(await cache.eventTypes(one)).toEqual(['FileCached', 'FilePinned']);
    const { heldBytes, yours } = await cache.usage();
    expect([heldBytes, heldBytes.pinned > 2 * vendor.video.length, heldBytes.evictable > vendor.video.length]).toEqual([yours, true, true]);
  });
});
