import type { FerryError } from '@ferry/kernel';
import { eventually } from '@ferry/testing/specs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CacheNodes, SLOW } from '../testing/cache-nodes';
import { fixture } from '../testing/running-cache';
import { otherContent } from '../testing/vendor';

const IDS = ['cache-1', 'cache-2'] as const;
type NodeId = (typeof IDS)[number];
const MAX_BYTES = 3 * 1024 * 1024;
/** Files that fill a node. */
const FILES = 4;

let nodes: CacheNodes;
let video: Buffer;
beforeEach(async () => {
  [nodes, video] = await Promise.all([CacheNodes.start(IDS, MAX_BYTES), fixture('pixverse-harbour.mp4')]);
}, 60_000);
afterEach(() => nodes?.stop());

/** Its origin is gone: only a copy on another node counts. */
const asset = (): Promise<string> => nodes.asset('2020-01-01T00:00:00.000Z');
const onBoth = async (): Promise<string> => {
  const assetId = await asset();
  const content = otherContent(video);
  for (const nodeId of IDS) await nodes.cachedAt(nodeId, assetId, content);
  return assetId;
};
const askForRoom = async (nodeId: NodeId): Promise<unknown> => nodes.openAt(nodeId, await asset(), { sizeBytes: video.length });
/** Once the node may evict: leases of before its start have ended. */
const room = (nodeId: NodeId, outcome: (asked: Promise<unknown>) => Promise<void> = async (asked) => void (await asked)): Promise<void> =>
  eventually(async () => {
    const asked = askForRoom(nodeId);
    const { code } = (await asked.then(() => ({}), (error: unknown) => error)) as Partial<FerryError>;
    expect(['CACHE_NOT_READY', 'CACHE_BUSY']).not.toContain(code);
    await outcome(asked);
  }, SLOW);
const holdersOf = async (assetId: string): Promise<string[]> => {
  const holders = new Set<string>();
  for (const { type, data } of await nodes.events(assetId)) {
    const { nodeId } = data as { nodeId: string };
    if (type === 'FileCached') holders.add(nodeId);
    else holders.delete(nodeId);
  }
  return [...holders];
};

describe('a file that another node has as well', () => {
  it('may go, the other one is the last copy then, and the events say what was counted', async () => {
    const assets: string[] = [];
    for (let count = 0; count < FILES; count += 1) assets.push(await onBoth());
    await room('cache-1');
    const evicted = (await Promise.all(assets.map(nodes.events.bind(nodes)))).flat().filter(({ type }) => type === 'FileEvicted');
    expect(evicted.map(({ data }) => data)).toMatchObject([{ nodeId: 'cache-1', reason: 'space', otherCopy: { from: 'node', nodeId: 'cache-2' } }]);
    for (const assetId of assets) expect((await nodes.lease(assetId, 'cache-1')).file.assetId).toBe(assetId);
  }, 60_000);

  it('goes on one node at most, when both need room and count on each other', async () => {
    const assets: string[] = [];
    for (let count = 0; count < FILES; count += 1) assets.push(await onBoth());
    await eventually(async () => {
      const codes = (await Promise.allSettled(IDS.map(askForRoom))).map((asked) => (asked.status === 'rejected' ? (asked.reason as FerryError).code : 'given'));
      expect(codes).toEqual(['given', 'given']);
    }, SLOW);
    for (let round = 0; round < FILES; round += 1) {
      const brought = await Promise.allSettled(IDS.map(async (nodeId) => nodes.cachedAt(nodeId, await asset(), otherContent(video))));
      if (brought.every(({ status }) => status === 'rejected')) break;
    }
    for (const assetId of assets) {
      const holders = await holdersOf(assetId);
      expect(holders.length).toBeGreaterThan(0);
      for (const asked of IDS) expect(holders).toContain((await nodes.lease(assetId, asked)).file.nodeId);
    }
  }, 60_000);

  it('stays where the other copy is lost between the look at it and the eviction', async () => {
    await nodes.kill('cache-1');
    await nodes.boot('cache-1', { FERRY_STOP_AT: 'cache.copy-looked-for:freeze' });
    await nodes.know(IDS);
    const assets: string[] = [];
    for (let count = 0; count < FILES; count += 1) assets.push(await onBoth());
    const { pid } = nodes.process('cache-1');
    const asked = eventually(async () => {
      const answer = askForRoom('cache-1');
      const { code } = (await answer.then(() => ({}), (error: unknown) => error)) as Partial<FerryError>;
      expect(code).not.toBe('CACHE_NOT_READY');
    }, SLOW);
    await eventually(() => expect(nodes.process('cache-1').output()).toContain('SIGSTOP at cache.copy-looked-for'), SLOW);
    for (const assetId of assets) {
      await rm(join(nodes.folder.path, 'cache-2', 'assets', assetId), { recursive: true });
      await expect(nodes.at('cache-2', 'acquire', { assetId, holder: 'run-1', ttlMs: 2_000 })).rejects.toMatchObject({ code: 'NOT_CACHED' });
    }
    process.kill(pid, 'SIGCONT');
    await asked;
    for (const assetId of assets) expect(await holdersOf(assetId)).toEqual(['cache-1']);
    await room('cache-1', async (refused) => expect(refused).rejects.toMatchObject({ code: 'CACHE_FULL' }));
    for (const assetId of assets) expect((await nodes.lease(assetId, 'cache-2')).file.nodeId).toBe('cache-1');
  }, 60_000);
});
