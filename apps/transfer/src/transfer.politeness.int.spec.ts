import { SUBJECTS, type WarmAnswer } from '@ferry/contracts';
import { DOWNLOAD_CATEGORY, downloadStream, type DownloadEvent } from '@ferry/domain/download/events';
import type { TransferEvent } from '@ferry/domain/transfer/events';
import { metadataFor } from '@ferry/event-store';
import { downloadIdOf, type Position } from '@ferry/kernel';
import { eventually } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { OWNER, Rig } from './testing/rig';
import { count, pending, streamOf, until } from './testing/steps';

const REPLICAS = ['first', 'second', 'third'];
const WAITING = 10_000;
const SLOW = { bytesPerSecond: 100_000 };

/** Many wait, and providers have limits: nobody waits for longer than need be, and no limit is passed. */
describe('a busy engine', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
  }, 60_000);
  afterAll(() => rig?.close(), 60_000);
  afterEach(async () => {
    await rig.clearFaults();
    await Promise.all(REPLICAS.map((name) => rig.service(name)?.stop()));
  }, 60_000);

  const warm = (assetId: string) => {
    const request = { owner: OWNER, actor: 'spec', commandId: randomUUID(), assetId, reason: 'warm' };
    return rig.messaging.request<WarmAnswer>(SUBJECTS.transfer.warm, request, { timeoutMs: 10_000 });
  };
  const uploadAttempts = async (transferId: string) => {
    const events = (await rig.store.read<TransferEvent>(streamOf(transferId))) as unknown as { type: string; created: string; data: Record<string, unknown> }[];
    return events.filter(({ type }) => type === 'UploadStarted' || type === 'UploadFailed');
  };

  it('calls a provider never more often at once than it allows, from three replicas', async () => {
    await rig.service('provider-sora').stop();
    await rig.startService('provider-sora', 'provider-sora', { SORA_RATE_LIMITS: '{"upload":{"concurrency":2}}' });
    await Promise.all(REPLICAS.map((name) => rig.startService('transfer', name)));
    await rig.fault({ provider: 'openai', operation: 'character-create', latencyMs: 150 });
    const assets = await Promise.all(Array.from({ length: 12 }, () => rig.pixverseVideo()));
    const before = await rig.counts('openai');
    await Promise.all(assets.map((assetId) => rig.resolved(assetId, 'sora')));
    const after = await rig.counts('openai');
    expect(after.uploads - before.uploads).toBe(12);
    expect(after.peaks['character-create']).toBeLessThanOrEqual(2);
  }, 120_000);

  it('waits as long as a provider asks to, with all replicas', async () => {
    await Promise.all(['first', 'second'].map((name) => rig.startService('transfer', name)));
    const assets = await Promise.all(Array.from({ length: 4 }, () => rig.pixverseVideo()));
    await rig.fault({ provider: 'openai', operation: 'character-create', status: 429, retryAfter: '4', times: 1 });
    const [first] = assets;
    const transferId = await pending(rig, first!);
    await until(rig, streamOf(transferId), 'UploadFailed');
    const failed = (await uploadAttempts(transferId)).find(({ type }) => type === 'UploadFailed')!;
    const reopens = Date.parse(failed.data['retryAt'] as string);
    const others = await Promise.all(assets.slice(1).map((assetId) => pending(rig, assetId)));
    await Promise.all([transferId, ...others].map((id, index) => rig.outcome(assets[index]!, 'sora', id)));
    for (const id of [transferId, ...others]) {
      const starts = (await uploadAttempts(id)).filter(({ type, created }) => type === 'UploadStarted' && created > failed.created);
      expect(starts).toHaveLength(1);
      // MongoDB's clock is this machine's; the failure was recorded a moment after the provider's answer.
      expect(Date.parse(starts[0]!.created)).toBeGreaterThan(reopens - 500);
    }
  }, 120_000);

  it('pauses calls of a sick provider, says until when, tries once, and goes on', async () => {
    const env = { TRANSFER_BREAKER_CALLS: '3', TRANSFER_BREAKER_PAUSE_MS: '2000', TRANSFER_ATTEMPTS: '20', TRANSFER_RETRIES_PER_MINUTE: '1000' };
    const service = await rig.startService('transfer', 'first', env);
    const states = async () => (await (await fetch(`${service.httpUrl}/metrics`, { signal: AbortSignal.timeout(5_000) })).text()).split('\n').filter((line) => line.startsWith('ferry_breaker_state') && line.includes('sora.sora-main.upload') && line.endsWith(' 1'));
    await rig.fault({ provider: 'openai', operation: 'character-create', status: 503 });
    const assets = await Promise.all(Array.from({ length: 6 }, () => rig.pixverseVideo()));
    const runs = await Promise.all(assets.map((assetId) => pending(rig, assetId)));
    await eventually(async () => expect(await states()).toEqual([expect.stringContaining('state="open"')]), { timeoutMs: 20_000 });
    const told = await eventually(async () => {
      const answer = await rig.resolve(assets[0]!, 'sora', { awaiting: runs[0]! });
      expect(answer).toMatchObject({ status: 'pending', retryAfter: expect.any(String) });
      return answer as { retryAfter: string };
    });
    expect(Date.parse(told.retryAfter)).toBeGreaterThan(Date.now() - 5_000);
    // While it is sick each pause ends with one probe, however many wait.
    const calls = async () => (await rig.counts('openai')).operations['character-create']!;
    await eventually(async () => expect(await states()).toEqual([expect.stringContaining('state="open"')]));
    const opened = await calls();
    await eventually(async () => expect(await calls()).toBeGreaterThan(opened), { timeoutMs: 20_000 });
    expect(await calls()).toBe(opened + 1);
    await rig.clearFaults();
    await Promise.all(runs.map((transferId, index) => rig.outcome(assets[index]!, 'sora', transferId)));
    expect(await states()).toEqual([expect.stringContaining('state="closed"')]);
  }, 120_000);

  it('lets a resolve that joins one of many waiting downloads pass them all', async () => {
    await rig.service('provider-pixverse').stop();
    await rig.startService('provider-pixverse', 'provider-pixverse', { PIXVERSE_RATE_LIMITS: '{"download":{"concurrency":2}}' });
    const service = await rig.startService('transfer', 'first', { TRANSFER_WAITING: '4' });
    const parked = async () => /^ferry_runs_parked(?:{[^}]*})? (\d+)$/m.exec(await (await fetch(`${service.httpUrl}/metrics`, { signal: AbortSignal.timeout(5_000) })).text())?.[1];
    const running = await rig.pixverseVideo();
    const waiting = await Promise.all(Array.from({ length: 52 }, () => rig.pixverseVideo()));
    const joined = waiting.at(-1)!;
    // One place is kept for resolves: the others wait for this one.
    await rig.fault({ provider: 'pixverse', operation: 'media-download', bytesPerSecond: 40_000, times: 1 });
    await warm(running);
    await until(rig, downloadStream(running), 'DownloadStarted');
    await Promise.all(waiting.slice(0, -1).map(warm));
    await warm(joined);
    await eventually(async () => expect(await parked()).toBe('48'));
    const transferId = await pending(rig, joined);
    await rig.outcome(joined, 'sora', transferId);
    const all = [running, ...waiting];
    for (const assetId of all) await until(rig, downloadStream(assetId), 'DownloadCompleted');
    const starts = await Promise.all(all.map(async (assetId) => ({ assetId, position: (await rig.store.read(downloadStream(assetId))).find(({ type }) => type === 'DownloadStarted')!.position })));
    starts.sort((one, other) => (one.position < other.position ? -1 : 1));
    expect(starts.slice(0, 2).map(({ assetId }) => assetId)).toEqual([running, joined]);
    await rig.service('provider-pixverse').stop();
    await rig.startService('provider-pixverse');
  }, 120_000);

  it('knows after a start from the snapshot what was open, and takes over what a killed worker held', async () => {
    await rig.startService('transfer', 'first', { TRANSFER_SNAPSHOT_EVENTS: '1' });
    const assetId = await rig.pixverseVideo();
    await rig.fault({ provider: 'pixverse', operation: 'media-download', bytesPerSecond: 20_000, times: 1 });
    const transferId = await pending(rig, assetId);
    await until(rig, downloadStream(assetId), 'DownloadStarted');
    const started = (await rig.store.read(downloadStream(assetId))).at(-1)!.position;
    await eventually(async () => expect((await rig.snapshotPosition()) >= started).toBe(true), { timeoutMs: 30_000 });
    await rig.service('first').stop('SIGKILL');
    const second = await rig.startService('transfer', 'second');
    await eventually(() => expect(second.output()).toContain('the queue is live'));
    const { events } = JSON.parse(/\{[^\n]*"msg":"the queue is live"\}/.exec(second.output())![0]) as { events: number };
    expect(events).toBeLessThan(20);
    const claims = async () => (await rig.store.read<DownloadEvent>(downloadStream(assetId))).filter(({ type }) => type === 'DownloadClaimed').map(({ data }) => (data as { epoch: number }).epoch);
    await eventually(async () => expect(await claims()).toEqual([1, 2]), { timeoutMs: 20_000 });
    await rig.clearFaults();
    await rig.outcome(assetId, 'sora', transferId);
    expect(count(await rig.types(downloadStream(assetId)), 'DownloadStarted')).toBe(1);
  }, 120_000);

  // Last: what waits is worked off by whoever starts next.
  it('claims a resolve’s runs before any of 10,000 downloads that wait', async () => {
    await rig.startService('transfer', 'first', { TRANSFER_WORKERS: '4', TRANSFER_RESERVED_WORKERS: '2' });
    await rig.fault({ provider: 'pixverse', operation: 'media-download', ...SLOW, times: 2 });
    const running = [await rig.pixverseVideo(), await rig.pixverseVideo()];
    for (const assetId of running) await warm(assetId);
    for (const assetId of running) await until(rig, downloadStream(assetId), 'DownloadStarted');
    const ids = Array.from({ length: WAITING }, () => randomUUID());
    for (let at = 0; at < WAITING; at += 200) {
      const append = (assetId: string) => {
        const data = { downloadId: downloadIdOf(assetId, 1), reason: 'warm', priority: 'warm' } as const;
        return rig.store.record<DownloadEvent>({ stream: downloadStream(assetId), events: [{ type: 'DownloadRequested', data }], metadata: metadataFor({ owner: OWNER, actor: 'spec', commandId: randomUUID() }) });
      };
      await Promise.all(ids.slice(at, at + 200).map(append));
    }
    const urgent = await rig.pixverseVideo();
    const transferId = await pending(rig, urgent);
    await until(rig, downloadStream(urgent), 'DownloadClaimed');
    const requested = (await rig.store.read(streamOf(transferId)))[0]!.position;
    const claimed = (await rig.store.read(downloadStream(urgent))).find(({ type }) => type === 'DownloadClaimed')!.position;
    const between: Position[] = [];
    for await (const { type, position } of rig.store.readAll([DOWNLOAD_CATEGORY])) if (type === 'DownloadClaimed' && position > requested && position < claimed) between.push(position);
    // At most what was taken up in the same moment for places that had become free.
    expect(between.length).toBeLessThanOrEqual(4);
    await rig.outcome(urgent, 'sora', transferId);
  }, 120_000);
});
