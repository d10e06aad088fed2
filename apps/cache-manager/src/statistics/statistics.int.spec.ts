import { SUBJECTS, type CacheForecast, type CacheNodeForecast, type CacheNodeStatistics, type CacheStatistics } from '@ferry/contracts';
import { accessStream, cacheStream, type AccessEvent, type CacheEvent } from '@ferry/domain/cache/events';
import { metadataFor } from '@ferry/event-store';
import { eventually } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { roundToBlocks } from '../disk/budget';
import { fixture, MAX_BYTES, NODE_ID, RunningCache } from '../testing/running-cache';

let cache: RunningCache;
let harbour: Buffer;
let png: Buffer;
beforeAll(async () => {
  cache = await RunningCache.start();
  [harbour, png] = await Promise.all([fixture('pixverse-harbour.mp4'), fixture('fixture.png')]);
}, 60_000);
afterAll(() => cache.stop());

const theOne = <Node>({ nodes, silentNodes }: { readonly nodes: readonly Node[]; readonly silentNodes: readonly string[] }): Node => {
  expect([nodes.length, silentNodes]).toEqual([1, []]);
  return nodes[0]!;
};
const statistics = async (owner = 'dev', admin = false): Promise<CacheNodeStatistics> => theOne(await cache.ask<CacheStatistics>(SUBJECTS.cache.statistics, { owner, admin }));
const forecast = async (days = 7): Promise<CacheNodeForecast> => theOne(await cache.ask<CacheForecast>(SUBJECTS.cache.forecast, { days }));
const metadata = () => metadataFor({ owner: 'dev', actor: 'service:spec', commandId: randomUUID() });

/** A file that came and went. */
const wasHere = async (sizeBytes: number): Promise<string> => {
  const assetId = randomUUID();
  const events: CacheEvent[] = [
    { type: 'FileCached', data: { nodeId: NODE_ID, personal: { path: `assets/${assetId}/file.mp4` }, sizeBytes, sha256: 'a'.repeat(64), mimeType: 'video/mp4', kind: 'video' } },
    { type: 'FileEvicted', data: { nodeId: NODE_ID, reason: 'space', freedBytes: sizeBytes, otherCopy: { from: 'origin' } } },
  ];
  await cache.eventStore.record<CacheEvent>({ stream: cacheStream(assetId), events, metadata: metadata() });
  return assetId;
};

describe('statistics', () => {
  it('count a miss, the bytes that came for it, later hits and evictions', async () => {
    const assetId = await cache.asset();
    for (let times = 0; times < 2; times += 1) await expect(cache.lease(assetId)).rejects.toMatchObject({ code: 'NOT_CACHED' });
    const { putUrl } = await cache.open(assetId);
    expect((await fetch(putUrl, { method: 'PUT', body: new Uint8Array(harbour) })).status).toBe(201);
    await cache.lease(assetId);
    for (const reader of ['run-2', 'run-3', 'run-4']) await cache.lease(assetId, 'dev', reader);
    const bytes = harbour.length;
    const counts = { hits: 3, misses: 1, hitBytes: 3 * bytes, fetchedBytes: bytes, hitRatio: 0.75, byteHitRatio: 0.75, evictions: {} };
    expect(await statistics()).toMatchObject({ nodeId: NODE_ID, sinceStart: counts, lastHour: counts, lastDay: counts, leases: 4 });
    await cache.deleteAsset(assetId);
    await eventually(async () => expect((await statistics()).lastHour.evictions).toEqual({ 'asset-deleted': { files: 1, bytes: roundToBlocks(bytes) } }));
    const metrics = await cache.metrics();
    for (const line of ['lookups_total{result="hit"', 'lookups_total{result="miss"', 'fetched_bytes_total{', 'evictions_total{reason="asset-deleted"']) expect(metrics).toContain(`ferry_cache_${line}`);
  });

  it('tell an owner of its own files, and an admin of all; a pin is seen by owner, and its end too', async () => {
    const { assetId } = await cache.cached(png, { kind: 'image' });
    await cache.cached(png, { kind: 'image', owner: 'other' });
    await cache.ask(SUBJECTS.cache.pin, { assetId, commandId: randomUUID() });
    const bytes = roundToBlocks(png.length);
    const mine = { owner: 'dev', files: { leased: 0, pinned: 1, 'last-copy': 0, evictable: 0 }, bytes: { leased: 0, pinned: bytes, 'last-copy': 0, evictable: 0 } };
    const theirs = { owner: 'other', files: { leased: 0, pinned: 0, 'last-copy': 0, evictable: 1 }, bytes: { leased: 0, pinned: 0, 'last-copy': 0, evictable: bytes } };
    expect((await statistics()).owners).toEqual([mine]);
    expect((await statistics('other')).owners).toEqual([theirs]);
    expect((await statistics('other', true)).owners).toEqual([mine, theirs]);
    const series = /^ferry_cache_owner_held_files\{owner="dev",by="pinned".*\} 1$/m;
    expect(await cache.metrics()).toMatch(series);
    await cache.ask(SUBJECTS.cache.unpin, { assetId, commandId: randomUUID() });
    expect(await cache.metrics()).not.toMatch(/^ferry_cache_owner_held_files\{owner=/m);
  });
});

describe('a forecast', () => {
  it('is refused where there is too little history', async () => {
    await expect(forecast()).rejects.toMatchObject({ code: 'CACHE_HISTORY_TOO_SHORT', category: 'conflict', details: { neededAccesses: 100 } });
  });

  it('says what twice the budget would have brought, and stands for some minutes', async () => {
    await cache.shutDown();
    // Read after they came. Three files of half the budget in turns: the budget keeps none of them until it is read again, twice as much all.
    const sizeBytes = MAX_BYTES / 2;
    const assetIds = [await wasHere(sizeBytes), await wasHere(sizeBytes), await wasHere(sizeBytes)];
    const now = Math.floor(Date.now() / 60_000);
    for (let minute = 1; minute <= 120; minute += 1) {
      const data = { minute: new Date((now + minute) * 60_000).toISOString(), assetIds: [assetIds[minute % 3]!] };
      await cache.eventStore.record<AccessEvent>({ stream: accessStream(NODE_ID), events: [{ type: 'FilesAccessed', data }], metadata: metadata() });
    }
    await cache.boot();
    const made = await forecast(2);
    const [once, twice] = made.budgets;
    expect(made).toMatchObject({ nodeId: NODE_ID, policy: 'lru', days: 2, sampled: 1 });
    expect(made.accesses).toBeGreaterThanOrEqual(120);
    expect([once!.factor, once!.maxBytes, twice!.factor, twice!.maxBytes]).toEqual([1, MAX_BYTES, 2, 2 * MAX_BYTES]);
    expect(once!.hitRatio).toBeLessThan(0.1);
    expect(twice!.hitRatio).toBeGreaterThan(0.8);
    expect(twice!.byteHitRatio).toBeGreaterThan(0.9);
    expect((await forecast(3)).madeAt).toBe(made.madeAt);
    expect(await cache.metrics()).toMatch(/^ferry_cache_forecast_hit_ratio\{budget="2",of="bytes".*\} 0\.9/m);
  });
});
