import { transferStream } from '@ferry/domain/transfer/events';
import { downloadStream } from '@ferry/domain/download/events';
import { parseRunId } from '@ferry/kernel';
import { eventually } from '@ferry/testing/specs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Rig } from './testing/rig';

describe('getAssetForProvider', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
    await Promise.all([rig.startService('transfer', 'transfer-1'), rig.startService('transfer', 'transfer-2')]);
  }, 60_000);
  afterAll(() => rig?.close(), 30_000);
  afterEach(() => rig.clearFaults());

  const streamOf = (transferId: string) => transferStream(parseRunId(transferId)!.subjectId);

  it('downloads once and uploads once, and answers from the stream ever after', async () => {
    const assetId = await rig.pixverseVideo();
    const before = await rig.counts('openai');
    const first = await rig.resolve(assetId, 'sora');
    if (first.status !== 'pending') throw new Error('nothing is known of the route yet');
    const { reference } = await rig.outcome(assetId, 'sora', first.transferId);
    expect(reference).toMatchObject({ assetId, providerId: 'sora', accountId: 'sora-main', variant: 'character', referenceId: first.transferId });
    expect(await rig.types(streamOf(first.transferId))).toEqual([
      'TransferRequested',
      'TransferClaimed',
      'UploadStarted',
      'UploadReleased',
      'UploadCompleted',
      'ProviderUrlCached',
      'TransferCompleted',
    ]);
    expect(await rig.types(downloadStream(assetId))).toEqual(['DownloadRequested', 'DownloadJoined', 'DownloadClaimed', 'DownloadStarted', 'DownloadCompleted']);
    const [pixverse, openai] = await Promise.all([rig.counts('pixverse'), rig.counts('openai')]);
    expect(openai.uploads - before.uploads).toBe(1);

    const again = await rig.resolve(assetId, 'sora');
    expect(again).toMatchObject({ status: 'ready', source: 'cached', reference });
    expect(await Promise.all([rig.counts('pixverse'), rig.counts('openai')])).toEqual([pixverse, openai]);
  });

  it('makes one run of a crowd that asks two replicas at once', async () => {
    const assetId = await rig.pixverseVideo();
    const before = await Promise.all([rig.counts('pixverse'), rig.counts('openai')]);
    const crowd = await Promise.all(Array.from({ length: 20 }, () => rig.resolved(assetId, 'sora')));
    expect(new Set(crowd.map(({ reference }) => reference.referenceId)).size).toBe(1);
    const after = await Promise.all([rig.counts('pixverse'), rig.counts('openai')]);
    expect(after[0].downloads - before[0].downloads).toBe(1);
    expect(after[1].uploads - before[1].uploads).toBe(1);
  });

  it('gives the origin itself at its own provider, without a byte', async () => {
    const { id } = await rig.seed('openai', 'video', 'sora-lighthouse.mp4');
    const assetId = await rig.register({ kind: 'video', origin: { providerId: 'sora', forms: { id, idType: 'video' } }, capture: 'onDemand' });
    const before = await rig.counts('openai');
    expect(await rig.resolve(assetId, 'sora')).toMatchObject({ status: 'ready', source: 'native', reference: { variant: 'native', forms: { id, idType: 'video' } } });
    expect((await rig.counts('openai')).operations).toEqual(before.operations);
  });

  it('refuses early, with every reason', async () => {
    const { id } = await rig.seed('pixverse', 'audio', 'pixverse-voice.mp3');
    const origin = { providerId: 'pixverse', forms: { id, idType: 'media' } };
    const assetId = await rig.register({ kind: 'audio', origin, declared: { mimeType: 'audio/mpeg', durationSeconds: 3 } });
    const refusal = await rig.resolve(assetId, 'sora').catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'TARGET_LIMITS', category: 'unprocessable' });
    const { details } = refusal as { details: { violations: { limit: string }[] } };
    expect(details.violations.map(({ limit }) => limit)).toEqual(['kinds', 'mimeTypes']);
    expect(await rig.types(downloadStream(assetId))).toEqual([]);
  });

  it.each([
    ['a 404', { status: 404 }, 'not-found'],
    ['an HTML page', { html: true }, 'protocol'],
    ['a truncated body', { truncateAt: 100_000 }, 'protocol'],
  ])('fails with its kind on %s from the origin, and keeps nothing', async (_, fault, kind) => {
    const assetId = await rig.pixverseVideo();
    await rig.fault({ provider: 'pixverse', operation: 'media-download', ...fault });
    const failure = await rig.resolved(assetId, 'sora').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'TRANSFER_FAILED', details: { kind } });
    const cached = await readdir(join(rig.cacheDir, 'assets', assetId)).catch((error: NodeJS.ErrnoException) => error.code);
    expect(cached).toBe('ENOENT');
    expect(await readdir(join(rig.cacheDir, 'tmp'))).toEqual([]);
    expect(await rig.types(downloadStream(assetId))).toContain('DownloadFailed');
    const { transferId } = (failure as { details: { transferId: string } }).details;
    // An upload may have begun from what came; it is never released.
    const types = await rig.types(streamOf(transferId));
    expect([types.slice(0, 2), types.at(-1)]).toEqual([['TransferRequested', 'TransferClaimed'], 'TransferFailed']);
    expect(types).not.toContain('UploadReleased');
    expect(await rig.transfer(transferId)).toMatchObject({ status: 'failed', error: { kind } });
  });

  it('tries again what may pass, three times, and no more', async () => {
    const assetId = await rig.pixverseVideo();
    await rig.fault({ provider: 'openai', operation: 'character-create', status: 503, times: 2 });
    const { reference } = await rig.resolved(assetId, 'sora');
    const types = await rig.types(streamOf(reference.referenceId));
    expect(types.filter((type) => type === 'UploadFailed')).toHaveLength(2);
    expect(types.filter((type) => type === 'UploadReleased').length).toBeLessThanOrEqual(3);
  });

  it('uploads again after a reference was reported as refused, and not after a report of an older one', async () => {
    const assetId = await rig.pixverseVideo();
    const { reference } = await rig.resolved(assetId, 'sora');
    const report = (referenceId: string) =>
      rig.messaging.request('transfer.references.invalidate', { owner: 'dev', actor: 'spec', commandId: referenceId, assetId, providerId: 'sora', referenceId, reason: 'refused' }, { timeoutMs: 5_000 });
    await report(reference.referenceId);
    const second = await rig.resolved(assetId, 'sora');
    expect(second.reference.referenceId).not.toBe(reference.referenceId);
    await report(reference.referenceId);
    expect(await rig.resolve(assetId, 'sora')).toMatchObject({ status: 'ready', reference: second.reference });
  });

  it('begins no new run for a waiter whose reference has ended meanwhile', async () => {
    const assetId = await rig.pixverseVideo();
    const { reference } = await rig.resolved(assetId, 'sora');
    const { referenceId } = reference;
    const report = { owner: 'dev', actor: 'spec', commandId: referenceId, assetId, providerId: 'sora', referenceId, reason: 'refused' };
    await rig.messaging.request('transfer.references.invalidate', report, { timeoutMs: 5_000 });
    await expect(rig.resolve(assetId, 'sora', { awaiting: referenceId })).rejects.toMatchObject({ code: 'REFERENCE_ENDED', details: { transferId: referenceId } });
    await expect(rig.resolve(assetId, 'sora', { awaiting: referenceId.replace(/-1$/, '-2') })).rejects.toMatchObject({ code: 'UNKNOWN_TRANSFER' });
    expect(await rig.types(streamOf(referenceId))).not.toContain('UploadFailed');
    expect((await rig.types(streamOf(referenceId))).at(-1)).toBe('ProviderUrlInvalidated');
  });

  it('answers unknown and foreign things alike, by name', async () => {
    const assetId = await rig.pixverseVideo();
    await expect(rig.resolve(assetId, 'sora', { owner: 'somebody-else' })).rejects.toMatchObject({ code: 'UNKNOWN_ASSET' });
    await expect(rig.resolve(assetId, 'veo')).rejects.toMatchObject({ code: 'UNKNOWN_PROVIDER' });
    await expect(rig.resolve(assetId, 'sora', { accountId: 'not-mine' })).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT' });
    await expect(rig.resolve('not-an-id', 'sora')).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    const command = { owner: 'dev', actor: 'spec', commandId: 'c', assetId, providerId: 'sora' };
    await expect(rig.messaging.request('transfer.references.check', command, { timeoutMs: 5_000 })).rejects.toMatchObject({ code: 'UNKNOWN_REFERENCE' });
  });

  it('lists an asset’s transfers to its owner', async () => {
    const assetId = await rig.pixverseVideo();
    const { reference } = await rig.resolved(assetId, 'sora');
    await eventually(async () => {
      const list = await rig.messaging.request<{ items: { transferId: string }[] }>('transfer.transfers.list', { owner: 'dev', actor: 'spec', assetId, limit: 10 }, { timeoutMs: 5_000 });
      expect(list.items.map(({ transferId }) => transferId)).toEqual([reference.referenceId]);
    });
  });
});
