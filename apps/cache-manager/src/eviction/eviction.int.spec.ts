import { SUBJECTS, type CachedFile, type CacheUsage } from '@ferry/contracts';
import { assetStream } from '@ferry/domain/asset/events';
import type { RecordedEvent } from '@ferry/kernel';
import { startSimulator, type Simulator } from '@ferry/provider-simulator';
import { startService, type Service } from '@ferry/testing/servers';
import { eventually } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fixture, MAX_BYTES, RunningCache } from '../testing/running-cache';

const OWNER = 'dev';
const ACCOUNTS = JSON.stringify([{ accountId: 'main', apiKey: 'spec-pixverse-key', owners: [OWNER], defaultFor: [OWNER] }]);
const FREE_BYTES = 8;

let cache: RunningCache;
let simulator: Simulator;
let adapter: Service;
let video: Buffer;

beforeAll(async () => {
  cache = await RunningCache.start();
  simulator = await startSimulator({ dataDir: join(cache.folder.path, 'simulator') });
  adapter = await startAdapter();
  video = await fixture('pixverse-harbour.mp4');
}, 60_000);
afterAll(async () => {
  await adapter?.stop();
  await simulator?.close();
  await cache?.stop();
});

const startAdapter = (): Promise<Service> => {
  const urls = { NATS_URL: cache.environment['NATS_URL']!, EVENTSTORE_URL: '', MONGODB_URL: '' };
  return startService('provider-pixverse', { urls }, { PIXVERSE_BASE_URL: simulator.pixverseUrl, PIXVERSE_ACCOUNTS: ACCOUNTS, FERRY_DATA_HOSTS: '127.0.0.1:1' });
};

/** The same video with other free space in its container: another content, of the same size. */
const another = (): Buffer => {
  const free = Buffer.alloc(FREE_BYTES + 16);
  free.writeUInt32BE(free.length);
  free.write('free', 4);
  free.write(randomUUID().slice(0, 16), 8);
  return Buffer.concat([video, free]);
};

/** An asset whose origin lives at the vendor, or is not known there. */
const asset = async (isAlive: boolean, expiresAt?: string): Promise<string> => {
  const assetId = randomUUID();
  const seeded = (await (await fetch(`${simulator.controlUrl}/seed`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ provider: 'pixverse', kind: 'video', fixture: 'pixverse-harbour.mp4' }) })).json()) as { id: string };
  const forms = { id: isAlive ? seeded.id : '1', idType: 'video' };
  const origin = { providerId: 'pixverse', accountId: 'main', forms, ...(expiresAt ? { expiresAt } : {}) };
  await cache.append(assetStream(assetId), OWNER, { type: 'AssetRegistered', data: { life: 1, origin, kind: 'video', capture: 'onDemand' } });
  return assetId;
};

const put = async (assetId: string, content = another()): Promise<Response> => {
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
    expect((data as { freedBytes: number }).freedBytes).toBeGreaterThan(video.length);
    await expect(cache.lease(gone[0]!)).rejects.toMatchObject({ code: 'NOT_CACHED' });
    await expect(stat(join(cache.cacheDir, 'assets', gone[0]!))).rejects.toMatchObject({ code: 'ENOENT' });
  }, 60_000);

  it('keeps what is leased, pinned, or the last copy, and says what holds the room', async () => {
    const [leased, pinned, dying, unknown] = [await asset(true), await asset(true), await asset(true, new Date(Date.now() + 60_000).toISOString()), await asset(false)];
    for (const assetId of [leased, pinned, dying, unknown]) await cached(assetId);
    await cache.lease(leased);
    await decide('pin', pinned);
    const refused = cache.open(await asset(true), { sizeBytes: video.length });
    await expect(refused).rejects.toMatchObject({ code: 'CACHE_FULL', category: 'no-space', details: { heldBy: { evictable: 0 } } });
    const { details } = (await refused.catch((error: unknown) => error)) as { details: { heldBy: Record<string, number> } };
    expect(Object.keys(details.heldBy).filter((reason) => details.heldBy[reason]! > video.length).sort()).toEqual(['last-copy', 'leased', 'pinned']);
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
    expect([heldBytes, heldBytes.pinned > 2 * video.length, heldBytes.evictable > video.length]).toEqual([yours, true, true]);
  });
});
