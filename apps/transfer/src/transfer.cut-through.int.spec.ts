import { downloadStream, type DownloadEvent } from '@ferry/domain/download/events';
import type { TransferEvent } from '@ferry/domain/transfer/events';
import { eventually } from '@ferry/testing/specs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LARGE_BYTES, Rig } from './testing/rig';
import { count, pending, streamOf, until } from './testing/steps';

const SLOW = 8_000_000;
const HALF = LARGE_BYTES / 2;

/** Uploads that run while their download runs, and what ends both. */
describe('an upload that follows its download', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
    await Promise.all([rig.startService('transfer', 'transfer-1'), rig.startService('transfer', 'transfer-2')]);
  }, 60_000);
  afterAll(() => rig?.close(), 60_000);
  afterEach(async () => {
    await rig.clearFaults();
    await rig.clearLimits();
  });

  const taken = async (before: { bytesIn: number }, bytes: number) =>
    eventually(async () => expect((await rig.counts('openai')).bytesIn - before.bytesIn).toBeGreaterThan(bytes), { timeoutMs: 30_000 });

  const failures = async (transferId: string) =>
    ((await rig.store.read(streamOf(transferId))) as unknown as TransferEvent[]).flatMap((event) => (event.type === 'UploadFailed' ? [event.data.kind] : []));

  const nothingRuns = () =>
    eventually(async () => {
      const [pixverse, openai, usage] = await Promise.all([rig.counts('pixverse'), rig.counts('openai'), rig.cacheUsage()]);
      expect([pixverse.open, openai.open, usage.reservedBytes, await readdir(join(rig.cacheDir, 'tmp'))]).toEqual([0, 0, 0, []]);
    });

  it('has brought most of the bytes to the target before the download is complete', async () => {
    const assetId = await rig.largePixverseVideo();
    const before = await rig.counts('openai');
    await rig.limit('pixverse', { bytesPerSecondOut: SLOW });
    const transferId = await pending(rig, assetId);
    await taken(before, HALF);
    expect(await rig.types(downloadStream(assetId))).not.toContain('DownloadCompleted');
    expect(await rig.types(streamOf(transferId))).not.toContain('UploadReleased');
    await rig.clearLimits();
    await rig.outcome(assetId, 'sora', transferId);
    const events = (await rig.store.read(streamOf(transferId))) as unknown as TransferEvent[];
    expect(events.find(({ type }) => type === 'UploadStarted')!.data).toMatchObject({ attempt: 1, follows: { downloadId: `${assetId}-1`, attempt: 1 } });
    const [stored, completed] = await Promise.all([rig.store.read(streamOf(transferId)), rig.store.read<DownloadEvent>(downloadStream(assetId))]);
    const { sha256 } = stored.find(({ type }) => type === 'UploadReleased')!.data as { sha256: string };
    expect(completed.at(-1)!.data).toMatchObject({ sha256 });
    expect((await rig.counts('openai')).uploads - before.uploads).toBe(1);
  });

  it('shares one download with an upload to another account that begins when it is half through', async () => {
    const assetId = await rig.largePixverseVideo();
    const [origin, target] = await Promise.all([rig.counts('pixverse'), rig.counts('openai')]);
    await rig.limit('pixverse', { bytesPerSecondOut: SLOW });
    const first = await pending(rig, assetId);
    await taken(target, HALF);
    const second = await rig.resolve(assetId, 'sora', { accountId: 'sora-second' });
    if (second.status !== 'pending') throw new Error('the route was known already');
    await until(rig, streamOf(second.transferId), 'UploadStarted');
    expect(await rig.types(downloadStream(assetId))).not.toContain('DownloadCompleted');
    await rig.clearLimits();
    const both = await Promise.all([rig.outcome(assetId, 'sora', first), rig.outcome(assetId, 'sora', second.transferId)]);
    expect(both.map(({ reference }) => reference.accountId)).toEqual(['sora-main', 'sora-second']);
    expect((await rig.counts('pixverse')).downloads - origin.downloads).toBe(1);
    expect((await rig.counts('openai')).uploads - target.uploads).toBe(2);
    expect(count(await rig.types(downloadStream(assetId)), 'DownloadJoined')).toBe(2);
  });

  it('breaks off with each attempt of its download, and follows the next one without spending its own tries', async () => {
    const assetId = await rig.largePixverseVideo();
    const before = await rig.counts('openai');
    await rig.limit('pixverse', { bytesPerSecondOut: 2 * SLOW });
    await rig.fault({ provider: 'pixverse', operation: 'media-download', truncateAt: HALF, times: 2 });
    await rig.fault({ provider: 'openai', operation: 'character-create', status: 503, times: 1 });
    const transferId = await pending(rig, assetId);
    await rig.outcome(assetId, 'sora', transferId);
    const kinds = await failures(transferId);
    expect(kinds.filter((kind) => kind === 'source-broken').length).toBe(2);
    expect((await rig.counts('openai')).uploads - before.uploads).toBe(1);
    expect(count(await rig.types(downloadStream(assetId)), 'DownloadAttemptFailed')).toBe(2);
  });

  it('ends with its download’s failure, and never releases what was broken', async () => {
    const assetId = await rig.largePixverseVideo();
    const before = await rig.counts('openai');
    await rig.fault({ provider: 'pixverse', operation: 'media-download', truncateAt: HALF });
    const failure = await rig.resolved(assetId, 'sora').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'TRANSFER_FAILED', details: { kind: 'protocol' } });
    const { transferId } = (failure as { details: { transferId: string } }).details;
    expect(new Set(await failures(transferId))).toEqual(new Set(['source-broken']));
    expect(await rig.types(streamOf(transferId))).not.toContain('UploadReleased');
    expect(count(await rig.types(downloadStream(assetId)), 'DownloadRequested')).toBe(1);
    expect((await rig.counts('openai')).uploads).toBe(before.uploads);
    await nothingRuns();
  });

  it('does not begin where the beginning of the file says that the target does not take it, and ends the download', async () => {
    // Ten times as long as it is: more than the target takes.
    const assetId = await rig.largePixverseVideo((head) => {
      const at = head.indexOf('mvhd') + 4;
      head.writeUInt32BE(head.readUInt32BE(at + 16) * 10, at + 16);
    });
    const before = await rig.counts('openai');
    await rig.limit('pixverse', { bytesPerSecondOut: SLOW });
    await expect(rig.resolved(assetId, 'sora')).rejects.toMatchObject({ code: 'TRANSFER_FAILED', details: { kind: 'invalid-request' } });
    await until(rig, downloadStream(assetId), 'DownloadCancelled');
    expect((await rig.counts('openai')).requests).toBe(before.requests);
    await nothingRuns();
  });

  it('is cancelled together with its download, whatever replica is asked, and leaves nothing; twice is once', async () => {
    const assetId = await rig.largePixverseVideo();
    const before = await rig.counts('openai');
    await rig.limit('pixverse', { bytesPerSecondOut: SLOW / 4 });
    const transferId = await pending(rig, assetId);
    await taken(before, 1_000_000);
    expect(await rig.cancel(transferId)).toMatchObject({ transferId, status: 'cancelled' });
    await nothingRuns();
    expect(await rig.cancel(transferId)).toMatchObject({ transferId, status: 'cancelled' });
    await expect(rig.resolve(assetId, 'sora', { awaiting: transferId })).rejects.toMatchObject({ code: 'TRANSFER_CANCELLED' });
    expect((await rig.types(streamOf(transferId))).at(-1)).toBe('TransferCancelled');
    expect((await rig.types(downloadStream(assetId))).slice(-2)).toEqual(['DownloadLeft', 'DownloadCancelled']);
    expect((await rig.counts('openai')).uploads).toBe(before.uploads);
    await rig.clearLimits();
    const { reference } = await rig.resolved(assetId, 'sora');
    expect(await rig.cancel(reference.referenceId)).toMatchObject({ status: 'completed' });
    expect(await rig.resolve(assetId, 'sora')).toMatchObject({ status: 'ready' });
  });

  it('is cancelled alone where another route follows the same download', async () => {
    const assetId = await rig.largePixverseVideo();
    const before = await rig.counts('openai');
    await rig.limit('pixverse', { bytesPerSecondOut: SLOW });
    const first = await pending(rig, assetId);
    const second = await rig.resolve(assetId, 'sora', { accountId: 'sora-second' });
    if (second.status !== 'pending') throw new Error('the route was known already');
    await until(rig, streamOf(second.transferId), 'UploadStarted');
    await taken(before, 1_000_000);
    await rig.cancel(first);
    expect(await rig.types(downloadStream(assetId))).not.toContain('DownloadCompleted');
    await rig.clearLimits();
    await rig.outcome(assetId, 'sora', second.transferId);
    expect(await rig.types(downloadStream(assetId))).toEqual(expect.arrayContaining(['DownloadLeft', 'DownloadCompleted']));
    expect((await rig.counts('openai')).uploads - before.uploads).toBe(1);
  });

  it('leaves a trace of a copy that came to stand although its transfer was cancelled', async () => {
    const assetId = await rig.pixverseVideo();
    await rig.fault({ provider: 'openai', operation: 'character-create', latencyMs: 60_000, times: 1 });
    const transferId = await pending(rig, assetId);
    await until(rig, streamOf(transferId), 'UploadReleased');
    await rig.cancel(transferId);
    expect((await rig.types(streamOf(transferId))).slice(-2)).toEqual(['UploadOrphaned', 'TransferCancelled']);
    await nothingRuns();
  });

  it('is cancelled when its asset is deleted', async () => {
    const assetId = await rig.largePixverseVideo();
    const before = await rig.counts('openai');
    await rig.limit('pixverse', { bytesPerSecondOut: SLOW / 4 });
    const transferId = await pending(rig, assetId);
    await taken(before, 1_000_000);
    await rig.deleteAsset(assetId);
    await until(rig, streamOf(transferId), 'TransferCancelled');
    await nothingRuns();
    expect(await rig.types(downloadStream(assetId))).toContain('DownloadCancelled');
  });
});
