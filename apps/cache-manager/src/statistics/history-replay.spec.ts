import { accessStream, cacheStream, type CacheEvent } from '@ferry/domain/cache/events';
import type { RecordedEvent } from '@ferry/kernel';
import { randomUUID } from 'node:crypto';
import { HistoryReplay, type ReplayOf } from './history-replay';

const NODE = 'node-1';
const BLOCK = 4_096;
const START = Date.parse('2026-11-01T00:00:00.000Z');
const at = (minute: number): string => new Date(START + minute * 60_000).toISOString();
const minuteOfDay = (day: number): number => START / 60_000 + day * 1_440;

const recorded = (streamName: string, created: string, type: string, data: object): RecordedEvent =>
  ({ id: randomUUID(), streamName, revision: 0, position: '00000000000000000001', created, type, data, metadata: {} }) as unknown as RecordedEvent;
const file = (assetId: string, minute: number, { type, data }: CacheEvent): RecordedEvent => recorded(cacheStream(assetId), at(minute), type, data);
const cached = (assetId: string, minute: number, nodeId = NODE, sizeBytes = BLOCK): RecordedEvent =>
  file(assetId, minute, { type: 'FileCached', data: { nodeId, personal: { path: 'p' }, sizeBytes, sha256: '', mimeType: 'video/mp4', kind: 'video' } });
const evicted = (assetId: string, minute: number, reason: 'space' | 'asset-deleted'): RecordedEvent =>
  file(assetId, minute, { type: 'FileEvicted', data: { nodeId: NODE, reason, freedBytes: BLOCK } });
const read = (minute: number, ...assetIds: string[]): RecordedEvent => recorded(accessStream(NODE), at(minute), 'FilesAccessed', { minute: at(minute), assetIds });

const replayed = async (events: readonly RecordedEvent[], of: Partial<ReplayOf> = {}): Promise<HistoryReplay> => {
  const replay = new HistoryReplay({ nodeId: NODE, policy: 'lru', maxBytes: 2 * BLOCK, factors: [1, 2], sampled: 1, ...of });
  for (const event of events) await replay.apply(event);
  return replay;
};
const hitsOf = async (...events: RecordedEvent[]): Promise<number[]> => (await replayed(events)).total(30, minuteOfDay(0)).hits;

const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()] as const;

describe('the replay of a history', () => {
  it('tells what twice the budget would have kept', async () => {
    // Three files in turns: room for two keeps none of them until it is read again, room for four keeps all.
    const rounds = Array.from({ length: 10 }, (_, round) => [a, b, c].map((assetId, turn) => read(10 + 3 * round + turn, assetId))).flat();
    const replay = await replayed([cached(a, 0), cached(b, 1), cached(c, 2), evicted(a, 2, 'space'), ...rounds]);
    expect(replay.total(1, minuteOfDay(0))).toEqual({ accesses: 33, bytes: 33 * BLOCK, hits: [0, 30], hitBytes: [0, 30 * BLOCK] });
  });

  it('counts the read of the minute in which a file came as its coming, and each minute once', async () => {
    const replay = await replayed([cached(a, 0), read(0, a), read(1, a), read(1, a), read(2, a)]);
    expect(replay.total(1, minuteOfDay(0))).toMatchObject({ accesses: 3, hits: [2, 2] });
  });

  it('takes what was deleted or lost from every budget, and nothing because of another node', async () => {
    const lost = (nodeId: string) => file(a, 1, { type: 'FileMissing', data: { nodeId } });
    expect(await hitsOf(cached(a, 0), lost(NODE), cached(a, 2))).toEqual([0, 0]);
    expect(await hitsOf(cached(a, 0), lost('node-2'), cached(a, 2))).toEqual([1, 1]);
    expect(await hitsOf(cached(a, 0, 'node-2'), read(1, a))).toEqual([0, 0]);
    const gone = await replayed([cached(a, 0), evicted(a, 1, 'asset-deleted'), read(2, a)]);
    expect(gone.total(1, minuteOfDay(0))).toMatchObject({ accesses: 1, hits: [0, 0] });
  });

  it('keeps what is pinned, as long as it is', async () => {
    const pinned = file(a, 0, { type: 'FilePinned', data: {} });
    const others = [cached(b, 1), cached(c, 2)];
    expect(await hitsOf(cached(a, 0), pinned, ...others, read(3, a))).toEqual([1, 1]);
    expect(await hitsOf(cached(a, 0), pinned, file(a, 0, { type: 'FileUnpinned', data: {} }), ...others, read(3, a))).toEqual([0, 1]);
  });

  it('counts the days that were asked for, with the files of before', async () => {
    const replay = await replayed([cached(a, 0), read(1_440, a), read(2 * 1_440, a)]);
    expect([1, 2, 3].map((days) => replay.total(days, minuteOfDay(2)).accesses)).toEqual([1, 2, 3]);
    expect(replay.total(1, minuteOfDay(2)).hits).toEqual([1, 1]);
  });

  it('looks at a sample of the assets with the same share of the budgets', async () => {
    const assets = Array.from({ length: 400 }, () => randomUUID());
    const replay = await replayed([...assets.map((assetId) => cached(assetId, 0)), read(1, ...assets)], { sampled: 0.5, maxBytes: 400 * BLOCK, factors: [1] });
    const { accesses, hits } = replay.total(1, minuteOfDay(0));
    expect(accesses).toBeGreaterThan(2 * 120);
    expect(accesses).toBeLessThan(2 * 280);
    expect(hits[0]).toBeGreaterThan(0);
  });

  it('lets others have their turn', async () => {
    const assets = Array.from({ length: 5_000 }, () => randomUUID());
    let turns = 0;
    const turn = (): void => {
      turns += 1;
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    await replayed([...assets.map((assetId) => cached(assetId, 0)), ...Array.from({ length: 20 }, (_, minute) => read(minute + 1, ...assets))]);
    clearImmediate(next);
    expect(turns).toBeGreaterThan(3);
  });
});
