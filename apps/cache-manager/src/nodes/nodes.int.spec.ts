import { SUBJECTS, type AcquireLeaseAnswer, type CachedFile, type CacheStatistics, type CacheUsage, type FollowDownloadAnswer } from '@ferry/contracts';
import { downloadIdOf } from '@ferry/kernel';
import { eventually, spawnTs } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { join } from 'node:path';
import { CacheNodes, SLOW } from '../testing/cache-nodes';
import { fixture } from '../testing/running-cache';
import { ranked } from './rendezvous';

const IDS = ['cache-1', 'cache-2', 'cache-3'] as const;
type NodeId = (typeof IDS)[number];

let nodes: CacheNodes;
let video: Buffer;
beforeAll(async () => {
  [nodes, video] = await Promise.all([CacheNodes.start(IDS), fixture('pixverse-harbour.mp4')]);
}, 60_000);
afterAll(() => nodes?.stop());

const homeOf = (assetId: string, among: readonly string[] = IDS): string => ranked(assetId, among)[0]!;
/** An asset whose home is this node. */
const assetOf = async (nodeId: string): Promise<string> => {
  for (;;) {
    const assetId = await nodes.asset();
    if (homeOf(assetId) === nodeId) return assetId;
  }
};
const cachedAtHome = async (nodeId: NodeId): Promise<CachedFile> => {
  const assetId = await assetOf(nodeId);
  const { putUrl, nodeId: home } = await nodes.open(assetId);
  expect(home).toBe(nodeId);
  return nodes.put(putUrl, video);
};
const bytesOf = async ({ getUrl }: { getUrl: string }): Promise<Buffer> => Buffer.from(await (await fetch(getUrl)).arrayBuffer());
const others = (nodeId: NodeId): NodeId[] => IDS.filter((other) => other !== nodeId);

describe('several nodes', () => {
  it('give each asset its home, and find its file whoever is asked', async () => {
    for (const nodeId of IDS) {
      const file = await cachedAtHome(nodeId);
      for (const asked of IDS) {
        const lease = await nodes.lease(file.assetId, asked);
        expect(lease.file).toEqual(file);
        expect((await bytesOf(lease)).equals(video)).toBe(true);
        await expect(nodes.openVia(asked, file.assetId, { run: 2 })).rejects.toMatchObject({ code: 'ALREADY_CACHED', details: { file } });
      }
    }
  });

  it('find a file that is not at its home, also when it has only just come', async () => {
    for (const nodeId of IDS) {
      const [elsewhere] = others(nodeId);
      const file = await nodes.cachedAt(elsewhere!, await assetOf(nodeId), video);
      for (const asked of IDS) expect((await nodes.lease(file.assetId, asked)).file).toEqual(file);
    }
  });

  it('renew and release leases wherever they are', async () => {
    const { assetId } = await cachedAtHome('cache-2');
    const { leaseId } = await nodes.lease(assetId, 'cache-1');
    const renewed = await nodes.via<AcquireLeaseAnswer>('cache-3', 'renew', { leaseId, ttlMs: 2_000 });
    expect([renewed.leaseId, renewed.file.nodeId]).toEqual([leaseId, 'cache-2']);
    await nodes.via('cache-1', 'release', { leaseId, owner: 'other' });
    await nodes.via('cache-3', 'renew', { leaseId, ttlMs: 2_000 });
    await nodes.via('cache-1', 'release', { leaseId });
    for (const asked of IDS) await expect(nodes.via(asked, 'renew', { leaseId })).rejects.toMatchObject({ code: 'LEASE_ENDED' });
    await expect(nodes.ask(SUBJECTS.cache.renew, { leaseId: `nobody.${randomUUID()}` })).rejects.toMatchObject({ code: 'LEASE_ENDED' });
    await expect(nodes.ask(SUBJECTS.cache.renew, { leaseId: 'cache.>' })).rejects.toMatchObject({ code: 'LEASE_ENDED' });
  });

  it('pin, unpin and give up wherever the file is, and refuse what nobody has', async () => {
    const { assetId } = await cachedAtHome('cache-3');
    await nodes.via('cache-1', 'pin', { assetId, commandId: randomUUID() });
    await nodes.via('cache-2', 'unpin', { assetId, commandId: randomUUID() });
    await nodes.via('cache-1', 'releaseLastCopy', { assetId, commandId: randomUUID() });
    expect((await nodes.events(assetId)).map(({ type }) => type)).toEqual(['FileCached', 'FilePinned', 'FileUnpinned', 'LastCopyReleased']);
    await expect(nodes.via('cache-1', 'pin', { assetId: await assetOf('cache-2'), commandId: randomUUID() })).rejects.toMatchObject({ code: 'NOT_CACHED' });
    await expect(nodes.lease(await assetOf('cache-2'), 'cache-1')).rejects.toMatchObject({ code: 'NOT_CACHED' });
    await expect(nodes.lease(assetId, 'cache-1', { owner: 'other' })).rejects.toMatchObject({ code: 'NOT_CACHED' });
  });

  it('tell what they hold together, and each', async () => {
    const usage = await nodes.ask<CacheUsage>(SUBJECTS.cache.usage, {});
    expect(usage.nodes.map(({ nodeId }) => nodeId).sort()).toEqual(IDS);
    expect(usage.silentNodes).toEqual([]);
    const sum = (of: 'maxBytes' | 'usedBytes' | 'files') => usage.nodes.reduce((all, node) => all + node[of], 0);
    expect([usage.maxBytes, usage.usedBytes, usage.files]).toEqual([sum('maxBytes'), sum('usedBytes'), sum('files')]);
    expect(usage.files).toBeGreaterThan(IDS.length);
  });

  it('tell what they did, each', async () => {
    const { nodes: each, silentNodes } = await nodes.ask<CacheStatistics>(SUBJECTS.cache.statistics, { admin: false });
    expect([each.map(({ nodeId }) => nodeId).sort(), silentNodes]).toEqual([IDS, []]);
    expect(each.every(({ sinceStart }) => sinceStart.fetchedBytes > 0)).toBe(true);
  });
});

describe('a download', () => {
  const sending = async (putUrl: string) => {
    const sender = request(putUrl, { method: 'PUT', headers: { 'content-length': video.length } });
    const answered = new Promise<number>((resolve, reject) => sender.once('response', (response) => resolve(response.resume().statusCode!)).once('error', reject));
    sender.write(video.subarray(0, 500_000));
    return { sender, answered };
  };

  it('is followed and awaited on the node that takes its bytes, whoever is asked', async () => {
    const assetId = await assetOf('cache-1');
    const { putUrl, nodeId } = await nodes.openAt('cache-2', assetId);
    const { sender, answered } = await sending(putUrl);
    const wanted = { assetId, downloadId: downloadIdOf(assetId, 1), holder: 'run-1.1', waitMs: 4_000, nodeId };
    const following = await Promise.all(IDS.map((asked) => nodes.via<FollowDownloadAnswer>(asked, 'follow', wanted)));
    expect(following.map(({ sizeBytes }) => sizeBytes)).toEqual(IDS.map(() => video.length));
    const read = bytesOf(following[0]!);
    const leases = IDS.map((asked) => nodes.lease(assetId, asked, { waitMs: 4_000, nodeId }));
    sender.end(video.subarray(500_000));
    expect(await answered).toBe(201);
    expect((await read).equals(video)).toBe(true);
    for (const { file } of await Promise.all(leases)) expect(file.nodeId).toBe('cache-2');
  });

  it('breaks off where its next attempt was given a place elsewhere', async () => {
    const assetId = await assetOf('cache-1');
    const { answered } = await sending((await nodes.openAt('cache-2', assetId)).putUrl);
    const { putUrl } = await nodes.open(assetId, { attempt: 2 });
    expect(await answered).toBe(410);
    expect((await nodes.put(putUrl, video)).nodeId).toBe('cache-1');
    expect((await nodes.events(assetId)).map(({ data }) => data)).toMatchObject([{ nodeId: 'cache-1' }]);
  });
});

describe('a node', () => {
  it('that is killed takes only its share with it, at once, and has its files again when it comes back', async () => {
    const [lost, kept] = [await cachedAtHome('cache-2'), await cachedAtHome('cache-3')];
    await nodes.kill('cache-2');
    for (const asked of others('cache-2')) {
      expect((await nodes.lease(kept.assetId, asked)).file).toEqual(kept);
      await expect(nodes.lease(lost.assetId, asked)).rejects.toMatchObject({ code: 'NOT_CACHED' });
    }
    const stays = await nodes.open(await assetOf('cache-1'));
    const moves = await nodes.open(await assetOf('cache-2'));
    expect([stays.nodeId, ['cache-1', 'cache-3'].includes(moves.nodeId)]).toEqual(['cache-1', true]);
    const again = await nodes.put((await nodes.open(lost.assetId, { run: 2 })).putUrl, video);
    expect(again.nodeId).toBe(homeOf(lost.assetId, others('cache-2')));

    await nodes.boot('cache-2');
    await nodes.know(IDS);
    expect((await nodes.lease(lost.assetId, 'cache-2')).file).toEqual(lost);
    for (const asked of others('cache-2')) expect((await bytesOf(await nodes.lease(lost.assetId, asked))).equals(video)).toBe(true);
    expect((await nodes.open(await assetOf('cache-2'))).nodeId).toBe('cache-2');
    expect((await nodes.events(lost.assetId)).map(({ type }) => type)).toEqual(['FileCached', 'FileCached']);
  }, 60_000);

  it('that stops says good-bye', async () => {
    await nodes.kill('cache-3', 'SIGTERM');
    expect(nodes.saidGoodBye('cache-3')).toBe(true);
    for (const asked of others('cache-3')) expect(['cache-1', 'cache-2']).toContain((await nodes.openVia(asked, await assetOf('cache-3'))).nodeId);
    await nodes.boot('cache-3');
    await nodes.know(IDS);
  }, 60_000);

  it('that freezes is missed soon, and taken back when it wakes', async () => {
    const file = await cachedAtHome('cache-1');
    const { pid } = nodes.process('cache-1');
    process.kill(pid, 'SIGSTOP');
    try {
      await eventually(() => expect(nodes.lease(file.assetId, 'cache-2')).rejects.toMatchObject({ code: 'NOT_CACHED' }), SLOW);
      expect(['cache-2', 'cache-3']).toContain((await nodes.openVia('cache-2', await assetOf('cache-1'))).nodeId);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await nodes.know(IDS);
    expect((await nodes.lease(file.assetId, 'cache-2')).file).toEqual(file);
  }, 60_000);

  it('does not start under the name of another one', async () => {
    const twin = spawnTs('apps/cache-manager/src/main.ts', [], { ...process.env, ...nodes.environment('cache-1'), ...nodes.urls, CACHE_DIR: join(nodes.folder.path, 'twin') });
    expect(await twin.exited).toEqual({ code: 1, signal: null });
    expect(twin.output()).toContain('cache-manager cannot start: Another cache-manager runs as node cache-1.');
  });
});
