import { SUBJECTS } from '@ferry/contracts';
import { downloadStream } from '@ferry/domain/download/events';
import { transferDefinition } from '@ferry/domain/transfer';
import type { TransferEvent } from '@ferry/domain/transfer/events';
import { metadataFor } from '@ferry/event-store';
import { itWithOwn } from '@ferry/testing/servers';
import { eventually } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OWNER, Rig } from './testing/rig';
import { count, pending, streamOf, until } from './testing/steps';

/** One replica is killed or frozen in the middle of the work; another one ends it. */
describe('a transfer whose worker is lost', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
    await rig.startService('transfer', 'first');
  }, 60_000);
  afterAll(() => rig?.close(), 60_000);
  afterEach(() => rig.clearFaults());

  /** The process of the replica that works on the run. */
  const holderOf = async (transferId: string): Promise<number> => {
    const claimed = (await rig.store.read<TransferEvent>(streamOf(transferId))).findLast(({ type }) => type === 'TransferClaimed');
    const { workerId } = claimed!.data as { workerId: string };
    const replica = ['first', 'second'].find((name) => rig.service(name).output().includes(`"workerId":"${workerId}","msg":"this worker takes runs"`));
    return rig.service(replica!).pid;
  };

  it('goes on after SIGKILL in the middle of the download, by joining the adapter’s job', async () => {
    const assetId = await rig.pixverseVideo();
    const before = await rig.counts('pixverse');
    await rig.fault({ provider: 'pixverse', operation: 'media-download', bytesPerSecond: 300_000, times: 1 });
    const transferId = await pending(rig, assetId);
    await until(rig, downloadStream(assetId), 'DownloadStarted');
    await rig.service('first').stop('SIGKILL');
    await rig.startService('transfer', 'first');
    await rig.outcome(assetId, 'sora', transferId);
    const types = await rig.types(downloadStream(assetId));
    expect(count(types, 'DownloadClaimed')).toBe(2);
    expect(count(types, 'DownloadStarted')).toBe(1);
    expect((await rig.counts('pixverse')).downloads - before.downloads).toBe(1);
  });

  it('goes on after SIGKILL in the middle of the upload, with one upload at the vendor', async () => {
    const assetId = await rig.pixverseVideo();
    const before = await rig.counts('openai');
    await rig.fault({ provider: 'openai', operation: 'character-create', bytesPerSecond: 300_000, times: 1 });
    const transferId = await pending(rig, assetId);
    await until(rig, streamOf(transferId), 'UploadStarted');
    await rig.service('first').stop('SIGKILL');
    await rig.startService('transfer', 'first');
    const { reference } = await rig.outcome(assetId, 'sora', transferId);
    expect(reference.referenceId).toBe(transferId);
    expect((await rig.counts('openai')).uploads - before.uploads).toBe(1);
    const types = await rig.types(streamOf(transferId));
    expect(count(types, 'TransferClaimed')).toBe(2);
    expect(count(types, 'ProviderUrlCached')).toBe(1);
  });

  it.each(['FailTransfer', 'CancelTransfer'] as const)('leaves the download of a run that ended by %s as the last deed of its worker', async (type) => {
    const assetId = await rig.largePixverseVideo();
    await rig.fault({ provider: 'pixverse', operation: 'media-download', bytesPerSecond: 300_000, times: 1 });
    const transferId = await pending(rig, assetId);
    await until(rig, downloadStream(assetId), 'DownloadStarted');
    await rig.service('first').stop('SIGKILL');
    const command = { type, data: { transferId, kind: 'internal' }, metadata: { now: new Date().toISOString() } } as const;
    await rig.store.handle({ definition: transferDefinition, stream: streamOf(transferId), command, metadata: metadataFor({ owner: OWNER, actor: 'service:transfer', commandId: randomUUID() }) });
    await rig.startService('transfer', 'first');
    await until(rig, downloadStream(assetId), 'DownloadCancelled');
    const types = await rig.types(downloadStream(assetId));
    expect(types.slice(-2)).toEqual(['DownloadLeft', 'DownloadCancelled']);
    // Its job does not go on for nobody.
    await eventually(async () => expect((await rig.counts('pixverse')).open).toBe(0), { timeoutMs: 20_000 });
  }, 90_000);

  it('ends the upload of a lost worker also where the cached file that it began with has gone meanwhile', async () => {
    const assetId = await rig.pixverseVideo();
    const { reference: old } = await rig.outcome(assetId, 'sora', await pending(rig, assetId));
    const refused = { owner: 'dev', actor: 'spec', commandId: randomUUID(), assetId, providerId: 'sora', referenceId: old.referenceId, reason: 'refused' };
    await rig.messaging.request(SUBJECTS.transfer.invalidate, refused, { timeoutMs: 10_000 });
    const before = await rig.counts('openai');
    await rig.fault({ provider: 'openai', operation: 'character-create', bytesPerSecond: 150_000, times: 1 });
    const transferId = await pending(rig, assetId);
    await eventually(async () => expect((await rig.counts('openai')).bytesIn).toBeGreaterThan(before.bytesIn));
    await rig.service('first').stop('SIGKILL');
    await rm(join(rig.cacheDir, 'assets', assetId), { recursive: true });
    await rig.startService('transfer', 'first');
    const { reference } = await rig.outcome(assetId, 'sora', transferId);
    expect(reference.referenceId).toBe(transferId);
    expect((await rig.counts('openai')).uploads - before.uploads).toBe(1);
    const attempts = (await rig.store.read<TransferEvent>(streamOf(transferId))).filter(({ type, data }) => type === 'UploadStarted' && (data as { transferId: string }).transferId === transferId);
    expect(attempts).toHaveLength(1);
  });

  it('begins the next attempt at once where the adapter is lost before the release', async () => {
    const assetId = await rig.largePixverseVideo();
    const before = await rig.counts('openai');
    await rig.fault({ provider: 'openai', operation: 'character-create', bytesPerSecond: 300_000, times: 1 });
    const transferId = await pending(rig, assetId);
    await until(rig, streamOf(transferId), 'UploadStarted');
    const called = async () => (await rig.counts('openai')).operations['character-create'] ?? 0;
    await eventually(async () => expect(await called()).toBeGreaterThan(before.operations['character-create'] ?? 0));
    await rig.service('provider-sora').stop('SIGKILL');
    await rig.startService('provider-sora');
    await rig.outcome(assetId, 'sora', transferId);
    const types = await rig.types(streamOf(transferId));
    expect(count(types, 'UploadFailed')).toBe(1);
    expect(count(types, 'UploadReleased')).toBe(1);
    expect((await rig.counts('openai')).uploads - before.uploads).toBe(1);
  });

  it('spends no attempt on an adapter that is away', async () => {
    const assetId = await rig.pixverseVideo();
    // The first byte comes when the target's adapter is gone: the upload would begin with it.
    await rig.fault({ provider: 'pixverse', operation: 'media-download', latencyMs: 3_000, times: 1 });
    const transferId = await pending(rig, assetId);
    await until(rig, downloadStream(assetId), 'DownloadStarted');
    await rig.service('provider-sora').stop('SIGKILL');
    await until(rig, downloadStream(assetId), 'DownloadCompleted');
    await rig.startService('provider-sora');
    await rig.outcome(assetId, 'sora', transferId);
    expect(count(await rig.types(streamOf(transferId)), 'UploadStarted')).toBe(1);
  });

  it('is taken from a frozen worker, which then can change nothing', async () => {
    const assetId = await rig.pixverseVideo();
    const before = await rig.counts('openai');
    await rig.startService('transfer', 'second');
    await rig.fault({ provider: 'openai', operation: 'character-create', bytesPerSecond: 250_000, times: 1 });
    const transferId = await pending(rig, assetId);
    await until(rig, streamOf(transferId), 'UploadStarted');
    const pid = await holderOf(transferId);
    process.kill(pid, 'SIGSTOP');
    try {
      await rig.outcome(assetId, 'sora', transferId);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const types = await rig.types(streamOf(transferId));
    expect(count(types, 'TransferClaimed')).toBe(2);
    expect(count(types, 'TransferCompleted')).toBe(1);
    expect((await rig.counts('openai')).uploads - before.uploads).toBe(1);
    await eventually(async () => expect(await rig.resolve(assetId, 'sora', {}, 1_500)).toMatchObject({ status: 'ready' }));
    expect(await rig.types(streamOf(transferId))).toEqual(types);
  });

  it('is not disturbed by a worker that wakes while its successor still uploads', async () => {
    const assetId = await rig.largePixverseVideo();
    // Slow enough that both workers hold it in turn before the release is asked for.
    await rig.fault({ provider: 'openai', operation: 'character-create', bytesPerSecond: 4_000_000, times: 1 });
    const transferId = await pending(rig, assetId);
    await until(rig, streamOf(transferId), 'UploadStarted');
    const pid = await holderOf(transferId);
    process.kill(pid, 'SIGSTOP');
    try {
      await eventually(async () => expect(count(await rig.types(streamOf(transferId)), 'TransferClaimed')).toBe(2), { timeoutMs: 10_000 });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect(await rig.types(streamOf(transferId))).not.toContain('UploadReleased');
    await rig.outcome(assetId, 'sora', transferId);
    expect((await rig.types(streamOf(transferId))).slice(-5)).toEqual(['TransferClaimed', 'UploadReleased', 'UploadCompleted', 'ProviderUrlCached', 'TransferCompleted']);
  }, 60_000);

  itWithOwn('EVENTSTORE_URL', 'survives restarts of the event store', async () => {
    const assetId = await rig.pixverseVideo();
    await rig.fault({ provider: 'openai', operation: 'character-create', bytesPerSecond: 300_000, times: 1 });
    const transferId = await pending(rig, assetId);
    await until(rig, streamOf(transferId), 'UploadStarted');
    await rig.servers.restartEventStore();
    await rig.outcome(assetId, 'sora', transferId);
    expect(count(await rig.types(streamOf(transferId)), 'TransferCompleted')).toBe(1);
  });
});
