import { SUBJECTS, type CapturesAnswer } from '@ferry/contracts';
import { cacheStream } from '@ferry/domain/cache/events';
import { downloadStream } from '@ferry/domain/download/events';
import { eventually } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { OWNER, Rig } from '../testing/rig';

const ONE_REPLICA = { TRANSFER_CAPTURES_OPEN: '1' };
const WAIT = { timeoutMs: 60_000 };
const MIB = 1024 ** 2;

const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1_000).toISOString();

/** A video whose origin ends. */
const ending = async (rig: Rig, seconds: number, more: object = {}): Promise<string> => {
  const { id } = await rig.seed('pixverse', 'video', 'pixverse-harbour.mp4');
  return rig.register({ kind: 'video', origin: { providerId: 'pixverse', forms: { id, idType: 'video' }, expiresAt: inSeconds(seconds) }, ...more });
};

const captures = (rig: Rig, owner = OWNER): Promise<CapturesAnswer> =>
  rig.messaging.request<CapturesAnswer>(SUBJECTS.transfer.captures, { owner, actor: 'spec', limit: 50 }, { timeoutMs: 10_000 });
const isCached = (rig: Rig, assetId: string) => eventually(async () => expect(await rig.types(cacheStream(assetId))).toContain('FileCached'), WAIT);
const requestedAt = async (rig: Rig, assetId: string) => {
  const requests = (await rig.store.read(downloadStream(assetId))).filter(({ type }) => type === 'DownloadRequested');
  expect(requests).toHaveLength(1);
  expect(requests[0]!.data).toMatchObject({ reason: 'capture' });
  return requests[0]!.position;
};
/** Of a replica's /metrics. */
const metric = async (rig: Rig, replica: string, name: string): Promise<number> => {
  const text = await (await fetch(`${rig.service(replica).httpUrl}/metrics`, { signal: AbortSignal.timeout(5_000) })).text();
  return Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1]?.replace('+Inf', 'Infinity'));
};

describe('capture', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
  }, 60_000);
  afterAll(() => rig?.close(), 30_000);

  it('brings the bytes in before their origin ends, the earliest end first, and once with two replicas', async () => {
    const before = await rig.counts('pixverse');
    const last = await ending(rig, 300);
    const first = await ending(rig, 100);
    const middle = await ending(rig, 200);
    const onDemand = await ending(rig, 50, { capture: 'onDemand' });
    const later = await ending(rig, 40 * 86_400);
    const atOnce = await ending(rig, 40 * 86_400, { capture: 'now' });
    const lives = await rig.pixverseVideo();
    await Promise.all(['one', 'two'].map((name) => rig.startService('transfer', name, ONE_REPLICA)));
    for (const assetId of [first, middle, last, atOnce]) await isCached(rig, assetId);
    const order = [await requestedAt(rig, first), await requestedAt(rig, middle), await requestedAt(rig, last), await requestedAt(rig, atOnce)];
    expect(order).toEqual([...order].sort());
    for (const assetId of [onDemand, later, lives]) expect(await rig.types(downloadStream(assetId))).toEqual([]);
    expect((await rig.counts('pixverse')).downloads - before.downloads).toBe(4);
  }, 120_000);

  it('says what will be lost, to its owner and as a metric', async () => {
    await eventually(async () => {
      const { uncaptured, nextEndsInSeconds, items } = await captures(rig);
      expect([uncaptured, items.length]).toEqual([1, 1]);
      expect(items[0]).toMatchObject({ assumed: false, status: 'waiting' });
      expect(nextEndsInSeconds).toBeGreaterThan(39 * 86_400);
    }, WAIT);
    expect(await captures(rig, 'somebody-else')).toEqual({ uncaptured: 0, items: [] });
    await eventually(async () => {
      expect(await metric(rig, 'one', 'ferry_uncaptured_origins')).toBe(1);
      expect(await metric(rig, 'two', 'ferry_next_uncaptured_origin_seconds')).toBeGreaterThan(39 * 86_400);
    }, WAIT);
  }, 60_000);

  it('counts an origin without an end as its provider says', async () => {
    const { id } = await rig.seed('openai', 'video', 'sora-lighthouse.mp4');
    const assetId = await rig.register({ kind: 'video', origin: { providerId: 'sora', forms: { id, idType: 'video' } } });
    await isCached(rig, assetId);
    await requestedAt(rig, assetId);
  }, 60_000);

  it('goes on where a replica was killed', async () => {
    await rig.limit('pixverse', { bytesPerSecondOut: 100_000 });
    const assets = await Promise.all([100, 110, 120, 130].map((seconds) => ending(rig, seconds)));
    await eventually(async () => expect((await Promise.all(assets.map((assetId) => rig.types(downloadStream(assetId))))).flat()).toContain('DownloadStarted'), WAIT);
    await rig.service('one').stop('SIGKILL');
    await rig.clearLimits();
    for (const assetId of assets) await isCached(rig, assetId);
    for (const assetId of assets) await requestedAt(rig, assetId);
  }, 120_000);

  it('has nothing left to do where the origin is gone or the asset deleted', async () => {
    await rig.fault({ provider: 'pixverse', operation: 'media-download', status: 404 });
    const assetId = await ending(rig, 100);
    await eventually(async () => expect(await rig.types(downloadStream(assetId))).toContain('DownloadFailed'), WAIT);
    await rig.clearFaults();
    const second = await ending(rig, 30 * 86_400);
    await eventually(async () => expect((await captures(rig)).items.map((item) => item.assetId)).toContain(second), WAIT);
    await rig.deleteAsset(second);
    await eventually(async () => expect((await captures(rig)).uncaptured).toBe(1), WAIT);
    await requestedAt(rig, assetId);
  }, 60_000);
});

describe('capture without room', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start({ 'cache-manager': { CACHE_MAX_BYTES: String(12 * MIB), CACHE_UNEVICTABLE_SHARE: '1', CACHE_UNEVICTABLE_SHARE_PER_OWNER: '1' } });
    await rig.startService('transfer');
  }, 60_000);
  afterAll(() => rig?.close(), 30_000);

  it('is recorded, and made good as room comes free', async () => {
    const command = (assetId: string) => ({ owner: OWNER, actor: 'spec', commandId: randomUUID(), assetId });
    const large = async (seconds: number) => {
      const { id, sizeBytes } = await rig.seedVideo({ freeBytes: 7 * MIB });
      const expiresAt = inSeconds(seconds);
      return { assetId: await rig.register({ kind: 'video', declared: { sizeBytes }, origin: { providerId: 'pixverse', forms: { id, idType: 'video' }, expiresAt } }), expiresAt };
    };
    const { assetId: holder } = await large(900);
    await isCached(rig, holder);
    await rig.messaging.request(SUBJECTS.cache.pin, command(holder), { timeoutMs: 10_000 });
    const { assetId, expiresAt } = await large(800);
    const skipped = await eventually(async () => {
      const found = (await rig.store.read(cacheStream(assetId))).find(({ type }) => type === 'CaptureSkipped');
      expect(found).toBeDefined();
      return found!;
    }, WAIT);
    expect(skipped.data).toEqual({ reason: 'cache-full', originEndsAt: expiresAt });
    expect((await captures(rig)).items).toMatchObject([{ assetId, originEndsAt: expiresAt, status: expect.stringMatching(/skipped|downloading/) as string }]);
    await rig.deleteAsset(holder);
    await isCached(rig, assetId);
    expect((await rig.types(cacheStream(assetId))).filter((type) => type === 'CaptureSkipped')).toHaveLength(1);
    expect(await captures(rig)).toEqual({ uncaptured: 0, items: [] });
  }, 120_000);
});
