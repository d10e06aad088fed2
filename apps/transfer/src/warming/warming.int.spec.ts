import { SUBJECTS, type WarmingCommandAnswer, type WarmingsAnswer, type WarmingView } from '@ferry/contracts';
import { cacheStream } from '@ferry/domain/cache/events';
import { downloadStream } from '@ferry/domain/download/events';
import { warmingStream } from '@ferry/domain/warming/events';
import { eventually } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { OWNER, Rig } from '../testing/rig';

const WAIT = { timeoutMs: 60_000 };
const CALL = { timeoutMs: 20_000 };
const who = { owner: OWNER, actor: 'spec' };

describe('warming', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
    await Promise.all([
      ...['one', 'two'].map((name) => rig.startService('transfer', name, { TRANSFER_USAGE_MS: '1000' })),
      rig.startService('lineage'),
    ]);
  }, 60_000);
  afterAll(() => rig?.close(), 30_000);
  afterEach(async () => {
    await rig.clearFaults();
    await rig.clearLimits();
  });

  const warm = (wish: object, commandId: string = randomUUID()) =>
    rig.messaging.request<WarmingCommandAnswer>(SUBJECTS.transfer.requestWarming, { ...who, commandId, wish }, CALL);
  const get = (warmingId: string, owner = OWNER) => rig.messaging.request<WarmingView>(SUBJECTS.transfer.getWarming, { ...who, owner, warmingId }, CALL);
  const cancel = (warmingId: string) => rig.messaging.request<WarmingCommandAnswer>(SUBJECTS.transfer.cancelWarming, { ...who, commandId: randomUUID(), warmingId }, CALL);
  const ended = (warmingId: string) =>
    eventually(async () => {
      const view = await get(warmingId);
      expect(view.status).not.toBe('running');
      return view;
    }, WAIT);
  const videos = (count: number) => Promise.all(Array.from({ length: count }, () => rig.pixverseVideo()));
  const downloads = async () => (await rig.counts('pixverse')).downloads;
  const types = (assetId: string) => rig.types(downloadStream(assetId));

  it('brings a list into the cache to its end, each asset once, and says what came of each', async () => {
    const assets = await videos(12);
    const there = assets.slice(0, 2);
    await ended((await warm({ assetIds: there })).warmingId);
    const before = await downloads();
    const gone = await rig.pixverseVideo();
    await rig.deleteAsset(gone);
    const stranger = randomUUID();
    const { warmingId, total, status } = await warm({ assetIds: [...assets, ...assets, gone, stranger] });
    expect([total, status]).toEqual([14, 'running']);
    const view = await ended(warmingId);
    expect(view).toMatchObject({ rule: { by: 'list' }, status: 'completed', total: 14, downloaded: 10, cached: 2, failed: 2 });
    expect([...view.failures].sort((a, b) => a.kind.localeCompare(b.kind))).toEqual([
      { assetId: gone, kind: 'asset-deleted' },
      { assetId: stranger, kind: 'unknown-asset' },
    ]);
    expect((await downloads()) - before).toBe(10);
    for (const assetId of assets) expect(await rig.types(cacheStream(assetId))).toEqual(['FileCached']);
    const sizes = await Promise.all(assets.slice(2).map(async (assetId) => (await rig.store.read(cacheStream(assetId)))[0]!.data as { sizeBytes: number }));
    expect(view.bytes).toBe(sizes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
    const { data } = (await rig.store.read(downloadStream(assets[3]!)))[0]!;
    expect(data).toMatchObject({ reason: 'warm', priority: 'warm' });
  }, 120_000);

  it('is the same for the same command, another one refused, and nobody else’s', async () => {
    const [assetId] = await videos(1);
    const commandId = randomUUID();
    const answers = await Promise.all(Array.from({ length: 5 }, () => warm({ assetIds: [assetId] }, commandId)));
    expect(new Set(answers.map(({ warmingId }) => warmingId)).size).toBe(1);
    const { warmingId, token } = answers[0]!;
    await expect(warm({ assetIds: [randomUUID()] }, commandId)).rejects.toMatchObject({ code: 'WARMING_DIFFERS' });
    await expect(warm({ assetIds: [assetId], mostUsed: 3 })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    await expect(warm({})).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    await ended(warmingId);
    expect((await rig.types(warmingStream(warmingId))).filter((type) => type === 'WarmingRequested')).toHaveLength(1);
    const list = (owner: string) => rig.messaging.request<WarmingsAnswer>(SUBJECTS.transfer.listWarmings, { ...who, owner, limit: 10, atLeast: token }, CALL);
    expect((await list(OWNER)).items[0]).toMatchObject({ warmingId, total: 1 });
    expect(await list('somebody-else')).toEqual({ items: [] });
    await expect(get(warmingId, 'somebody-else')).rejects.toMatchObject({ code: 'UNKNOWN_WARMING' });
    const foreign = { owner: 'somebody-else', actor: 'spec', commandId: randomUUID() };
    await expect(rig.messaging.request(SUBJECTS.transfer.cancelWarming, { ...foreign, warmingId }, CALL)).rejects.toMatchObject({ code: 'UNKNOWN_WARMING' });
    const { warmingId: theirs } = await rig.messaging.request<WarmingCommandAnswer>(SUBJECTS.transfer.requestWarming, { ...foreign, wish: { assetIds: [assetId] } }, CALL);
    const view = await eventually(async () => {
      const found = await get(theirs, 'somebody-else');
      expect(found.status).toBe('completed');
      return found;
    }, WAIT);
    expect(view).toMatchObject({ cached: 0, failed: 1, failures: [{ assetId, kind: 'unknown-asset' }] });
  }, 60_000);

  it('tells why a download failed', async () => {
    const [assetId] = await videos(1);
    await rig.fault({ provider: 'pixverse', operation: 'media-download', status: 404 });
    expect(await ended((await warm({ assetIds: [assetId] })).warmingId)).toMatchObject({ status: 'completed', failed: 1, failures: [{ assetId, kind: 'not-found' }] });
  }, 60_000);

  it('takes all that an asset was made from', async () => {
    const [first, second, unrelated] = await videos(3);
    const link = (parentAssetId: string) => ({ parentAssetId, relationType: 'source', operationType: 'extend' });
    const middle = await rig.pixverseVideo({ parents: [link(first!)] });
    const last = await rig.pixverseVideo({ parents: [link(middle), link(second!)] });
    const warming = await eventually(async () => {
      const found = await warm({ inputsOf: last });
      expect(found.total).toBe(3);
      return found;
    }, WAIT);
    expect(await ended(warming.warmingId)).toMatchObject({ rule: { by: 'inputs-of', assetId: last }, status: 'completed', total: 3, failed: 0 });
    for (const assetId of [first!, second!, middle]) expect(await rig.types(cacheStream(assetId))).toEqual(['FileCached']);
    for (const assetId of [unrelated!, last]) expect(await rig.types(cacheStream(assetId))).toEqual([]);
    await expect(warm({ inputsOf: randomUUID() })).rejects.toMatchObject({ code: 'UNKNOWN_ASSET' });
  }, 60_000);

  it('takes the most used, in their order', async () => {
    const [often, once] = await videos(2);
    // At its own provider it is its own reference: nothing is downloaded, and yet it is used.
    const use = async (assetId: string) => expect(await rig.resolve(assetId, 'pixverse')).toMatchObject({ status: 'ready', source: 'native' });
    await use(once!);
    const { warmingId } = await eventually(
      async () => {
        await use(often!);
        const found = await warm({ mostUsed: 2 });
        expect((await rig.store.read(warmingStream(found.warmingId)))[0]!.data).toEqual({ rule: { by: 'most-used', count: 2 }, assetIds: [often, once] });
        return found;
      },
      { ...WAIT, everyMs: 1_000 },
    );
    expect(await ended(warmingId)).toMatchObject({ status: 'completed', total: 2, failed: 0 });
    for (const assetId of [often!, once!]) expect(await rig.types(cacheStream(assetId))).toEqual(['FileCached']);
  }, 120_000);

  it('ends when it is cancelled, without what only it waits for; what a transfer waits for goes on', async () => {
    await rig.limit('pixverse', { bytesPerSecondOut: 50_000 });
    const assets = await videos(8);
    const { warmingId } = await warm({ assetIds: assets });
    await eventually(async () => {
      for (const assetId of assets.slice(0, 4)) expect(await types(assetId)).toContain('DownloadStarted');
    }, WAIT);
    const [shared, ...alone] = assets.slice(0, 4);
    const pending = await rig.resolve(shared!, 'sora');
    if (pending.status !== 'pending') throw new Error('nothing was uploaded yet');
    await eventually(async () => expect((await types(shared!)).filter((type) => type === 'DownloadJoined')).toHaveLength(2), WAIT);
    expect(await cancel(warmingId)).toMatchObject({ status: 'cancelled' });
    await eventually(async () => {
      for (const assetId of alone) expect((await types(assetId)).slice(-2)).toEqual(['DownloadLeft', 'DownloadCancelled']);
      expect(await types(shared!)).toContain('DownloadLeft');
    }, WAIT);
    await rig.clearLimits();
    await rig.outcome(shared!, 'sora', pending.transferId);
    for (const assetId of assets.slice(4)) expect(await types(assetId)).toEqual([]);
    expect(await cancel(warmingId)).toMatchObject({ status: 'cancelled' });
    expect(await get(warmingId)).toMatchObject({ status: 'cancelled', total: 8 });
  }, 120_000);

  it('goes on where a replica was killed', async () => {
    const before = await downloads();
    await rig.limit('pixverse', { bytesPerSecondOut: 400_000 });
    const assets = await videos(8);
    const { warmingId } = await warm({ assetIds: assets });
    await eventually(async () => expect((await rig.types(warmingStream(warmingId))).length).toBeGreaterThan(1), WAIT);
    await rig.service('one').stop('SIGKILL');
    await rig.clearLimits();
    expect(await ended(warmingId)).toMatchObject({ status: 'completed', downloaded: 8, failed: 0 });
    expect((await downloads()) - before).toBe(8);
  }, 120_000);
});
