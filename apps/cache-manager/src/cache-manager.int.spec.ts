import { SUBJECTS, type AcquireLeaseAnswer } from '@ferry/contracts';
import { eventually, spawnTs } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { ownerKeyOf } from './disk/layout';
import { stampOf } from './disk/stored-file';
import { fixture, MAX_BYTES, NODE_ID, RunningCache, sha256Of } from './testing/running-cache';

const MAIN = 'apps/cache-manager/src/main.ts';

let cache: RunningCache;
let harbour: Buffer;
let lighthouse: Buffer;
let png: Buffer;
beforeAll(async () => {
  cache = await RunningCache.start();
  [harbour, lighthouse, png] = await Promise.all([fixture('pixverse-harbour.mp4'), fixture('sora-lighthouse.mp4'), fixture('fixture.png')]);
});
afterAll(() => cache.stop());

const gone = (code: string) => expect.objectContaining({ code });
const reboot = async (meanwhile: () => Promise<void>): Promise<void> => {
  await cache.shutDown();
  await meanwhile();
  await cache.boot();
};

describe('asking for a place', () => {
  it('answers that the file is there already, with the file', async () => {
    const file = await cache.cached(harbour);
    await expect(cache.open(file.assetId, { run: 2 })).rejects.toMatchObject({ code: 'ALREADY_CACHED', category: 'conflict', details: { file } });
  });

  it('refuses an unknown asset, another owner, a deleted asset, and a download of another asset', async () => {
    await expect(cache.open(randomUUID())).rejects.toEqual(gone('UNKNOWN_ASSET'));
    const assetId = await cache.asset();
    await expect(cache.open(assetId, { owner: 'other' })).rejects.toEqual(gone('UNKNOWN_ASSET'));
    await expect(cache.ask(SUBJECTS.cache.open, { assetId, downloadId: `${randomUUID()}-1`, epoch: 1, attempt: 1, kind: 'video' })).rejects.toEqual(gone('VALIDATION_FAILED'));
    await cache.deleteAsset(assetId);
    await expect(cache.open(assetId)).rejects.toEqual(gone('ASSET_DELETED'));
  });

  it('refuses before any byte moves what cannot fit at all, or not now with what holds the room', async () => {
    const assetId = await cache.asset();
    await expect(cache.open(assetId, { sizeBytes: MAX_BYTES + 1 })).rejects.toMatchObject({ code: 'EXCEEDS_CACHE', category: 'too-large', details: { sizeBytes: MAX_BYTES + 1, maxBytes: MAX_BYTES } });
    const { usedBytes } = await cache.usage();
    expect(usedBytes).toBeGreaterThan(0);
    await expect(cache.open(assetId, { sizeBytes: MAX_BYTES - MAX_BYTES / 16 })).rejects.toMatchObject({ code: 'CACHE_FULL', category: 'no-space', details: { usedBytes, heldBy: { leased: 0, pinned: 0 } } });
  });
});

describe('leases', () => {
  it('are one per holder and file, renewed, and ended by their owner only', async () => {
    const { assetId } = await cache.cached(png, { kind: 'image' });
    const { leases } = await cache.usage();
    const first = await cache.lease(assetId);
    expect((await cache.lease(assetId)).leaseId).toBe(first.leaseId);
    await cache.lease(assetId, 'dev', 'run-2');
    expect((await cache.usage()).leases).toBe(leases + 2);
    const renewed = await cache.ask<AcquireLeaseAnswer>(SUBJECTS.cache.renew, { leaseId: first.leaseId, ttlMs: 60_000 });
    expect(Date.parse(renewed.expiresAt)).toBeGreaterThan(Date.parse(first.expiresAt));
    await cache.ask(SUBJECTS.cache.release, { leaseId: first.leaseId, owner: 'other' });
    await expect(cache.ask(SUBJECTS.cache.renew, { leaseId: first.leaseId, owner: 'other' })).rejects.toEqual(gone('LEASE_ENDED'));
    await cache.ask(SUBJECTS.cache.release, { leaseId: first.leaseId });
    await cache.ask(SUBJECTS.cache.release, { leaseId: first.leaseId });
    expect((await cache.usage()).leases).toBe(leases + 1);
    await expect(cache.ask(SUBJECTS.cache.renew, { leaseId: first.leaseId })).rejects.toEqual(gone('LEASE_ENDED'));
  });

  it("never reach another owner's file, nor one that is not there", async () => {
    const { assetId } = await cache.cached(png, { kind: 'image' });
    await expect(cache.lease(assetId, 'other')).rejects.toEqual(gone('NOT_CACHED'));
    await expect(cache.lease(randomUUID())).rejects.toEqual(gone('NOT_CACHED'));
    await expect(cache.ask(SUBJECTS.cache.acquire, { assetId, holder: 'r', ttlMs: 60_001 })).rejects.toEqual(gone('VALIDATION_FAILED'));
  });
});

describe('an asset that is deleted', () => {
  it('is evicted: the event first, then the bytes', async () => {
    const before = await cache.usage();
    const { assetId } = await cache.cached(lighthouse);
    const { usedBytes } = await cache.usage();
    await cache.deleteAsset(assetId);
    await eventually(async () => expect(await cache.usage()).toMatchObject({ usedBytes: before.usedBytes, files: before.files }));
    const [, evicted, ...others] = await cache.events(assetId);
    expect(evicted).toMatchObject({ type: 'FileEvicted', data: { nodeId: NODE_ID, reason: 'asset-deleted', freedBytes: usedBytes - before.usedBytes } });
    expect(others).toEqual([]);
    expect(await readdir(join(cache.cacheDir, 'assets'))).not.toContain(assetId);
    await expect(cache.lease(assetId)).rejects.toEqual(gone('NOT_CACHED'));
  });

  it('does not come back by a PUT that was on its way', async () => {
    const assetId = await cache.asset();
    const { putUrl } = await cache.open(assetId);
    await cache.deleteAsset(assetId);
    const response = await fetch(putUrl, { method: 'PUT', body: new Uint8Array(lighthouse) });
    expect([201, 410]).toContain(response.status);
    await eventually(async () => {
      expect((await cache.eventTypes(assetId)).at(-1)).toBe(response.status === 201 ? 'FileEvicted' : undefined);
      expect(await readdir(join(cache.cacheDir, 'assets'))).not.toContain(assetId);
    });
  });
});

describe('a new start', () => {
  it('finds what was cached, notes what is gone or damaged, adopts a whole file without an event, and sweeps the rest', async () => {
    const kept = await cache.cached(png, { kind: 'image' });
    const missing = await cache.cached(harbour);
    const damaged = await cache.cached(lighthouse, { owner: 'other' });
    const deleted = await cache.cached(png, { kind: 'image', owner: 'third' });
    const [adopted, unknown, html] = [await cache.asset('fourth'), randomUUID(), await cache.asset()];
    const folderOf = (assetId: string): string => join(cache.cacheDir, 'assets', assetId);
    const blobFolder = join(cache.cacheDir, 'blobs', ownerKeyOf('fourth'));

    await reboot(async () => {
      await rm(folderOf(missing.assetId), { recursive: true });
      await truncate(join(cache.cacheDir, damaged.path), 1_000);
      await cache.deleteAsset(deleted.assetId, 'third');
      await mkdir(blobFolder, { recursive: true });
      await writeFile(join(blobFolder, sha256Of(png)), png);
      await utimes(join(blobFolder, sha256Of(png)), stampOf(sha256Of(png)), stampOf(sha256Of(png)));
      await writeFile(join(blobFolder, 'f'.repeat(64)), 'a blob that nobody links to');
      await Promise.all([adopted, unknown, html].map((assetId) => mkdir(folderOf(assetId))));
      await link(join(blobFolder, sha256Of(png)), join(folderOf(adopted), 'asset.png'));
      await writeFile(join(folderOf(unknown), 'asset.png'), png);
      await writeFile(join(folderOf(html), 'asset.mp4'), '<html>');
      await writeFile(join(cache.cacheDir, 'tmp', 'left over'), 'bytes');
    });

    expect(await cache.eventTypes(kept.assetId)).toEqual(['FileCached']);
    expect(await cache.eventTypes(missing.assetId)).toEqual(['FileCached', 'FileMissing']);
    expect(await cache.eventTypes(damaged.assetId)).toEqual(['FileCached', 'FileCorrupted']);
    expect(await cache.eventTypes(deleted.assetId)).toEqual(['FileCached', 'FileEvicted']);
    expect(await cache.events(adopted)).toMatchObject([{ type: 'FileCached', data: { nodeId: NODE_ID, personal: { path: `assets/${adopted}/asset.png` }, sha256: sha256Of(png), kind: 'image', width: 1280 }, metadata: { owner: 'fourth' } }]);
    expect(await cache.eventTypes(unknown)).toEqual([]);
    expect(await cache.eventTypes(html)).toEqual([]);
    const folders = await readdir(join(cache.cacheDir, 'assets'));
    expect(folders).toEqual(expect.arrayContaining([kept.assetId, adopted]));
    expect(folders.filter((name) => [missing.assetId, damaged.assetId, deleted.assetId, unknown, html].includes(name))).toEqual([]);
    expect([await cache.temporaryFiles(), await readdir(blobFolder)]).toEqual([[], [sha256Of(png)]]);
    expect((await cache.usage()).usedBytes).toBe(await cache.bytesOnDisk());
    const { getUrl, file } = await cache.lease(kept.assetId);
    expect(file).toEqual(kept);
    expect(Buffer.from(await (await fetch(getUrl)).arrayBuffer()).equals(png)).toBe(true);
  });

  it('has written who was read, at the latest when it stopped', async () => {
    const { assetId } = await cache.cached(png, { kind: 'image' });
    await cache.lease(assetId);
    await reboot(async () => undefined);
    const last = (await cache.accesses()).at(-1)!;
    expect(last.data.assetIds).toContain(assetId);
    expect(last.data.minute).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000Z$/);
  });
});

describe('the process', () => {
  it('may be killed while bytes come: the next one on the folder starts without them', async () => {
    await cache.shutDown();
    const child = spawnTs(MAIN, [], { ...cache.environment, LOG_LEVEL: 'info' });
    await child.waitForLine(/"msg":"ready"/, 20_000);
    const assetId = await cache.asset();
    const { putUrl } = await eventually(() => cache.open(assetId));
    const sender = request(putUrl, { method: 'PUT', headers: { 'content-length': harbour.length } });
    const failed = new Promise((resolve) => sender.once('error', resolve));
    sender.write(harbour.subarray(0, 200_000));
    await eventually(async () => expect((await cache.temporaryFiles()).length).toBe(1));
    await child.kill('SIGKILL');
    await failed;
    await cache.boot();
    expect([await cache.temporaryFiles(), await cache.eventTypes(assetId)]).toEqual([[], []]);
    expect(await cache.usage()).toMatchObject({ usedBytes: await cache.bytesOnDisk(), reservedBytes: 0 });
  });

  it('ends with one clear message where another works on its folder, or its configuration is wrong', async () => {
    const second = spawnTs(MAIN, [], cache.environment);
    const unconfigured = spawnTs(MAIN, [], { ...cache.environment, CACHE_URL_SECRET: 'short' });
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.output()).toContain(`cache-manager cannot start: Another cache-manager works on ${cache.cacheDir}.`);
    expect(await unconfigured.exited).toEqual({ code: 1, signal: null });
    expect(unconfigured.output()).toContain('CACHE_URL_SECRET must be secrets of at least 32 characters');
  });
});
