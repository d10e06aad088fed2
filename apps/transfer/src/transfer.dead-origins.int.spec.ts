import { SUBJECTS, type ResolvePlan } from '@ferry/contracts';
import { assetStream } from '@ferry/domain/asset/events';
import { cacheStream } from '@ferry/domain/cache/events';
import { downloadStream, type DownloadEvent } from '@ferry/domain/download/events';
import { parseRunId, type Token } from '@ferry/kernel';
import { eventually } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FIXTURES, OWNER, Rig } from './testing/rig';

describe('assets whose origin is gone', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start({ 'asset-catalog': { FERRY_PROVIDERS: 'pixverse,sora,vault' } });
    const replicas = ['one', 'two'].map((name) => rig.startService('transfer', name, { FERRY_PROVIDERS: 'pixverse,sora,vault' }));
    await Promise.all([rig.startVault(), ...replicas]);
  }, 60_000);
  afterAll(() => rig?.close(), 30_000);
  afterEach(() => rig.clearFaults());

  const command = (assetId: string) => ({ owner: OWNER, actor: 'spec', commandId: randomUUID(), assetId });
  const cached = async (assetId: string) => {
    await rig.messaging.request(SUBJECTS.transfer.warm, { ...command(assetId), reason: 'warm' }, { timeoutMs: 10_000 });
    await eventually(async () => expect(await rig.types(cacheStream(assetId))).toContain('FileCached'), { timeoutMs: 30_000 });
  };
  const invalidate = (assetId: string, more: object = {}): Promise<{ token: Token }> =>
    rig.messaging.request(SUBJECTS.transfer.invalidate, { ...command(assetId), providerId: 'pixverse', referenceId: assetId, reason: 'Kim got a 404', ...more }, { timeoutMs: 20_000 });
  const deletedAtPixverse = () => rig.fault({ provider: 'pixverse', operation: 'video-result', jobStatus: 6 });
  const losses = async (assetId: string) => (await rig.store.read(assetStream(assetId))).filter(({ type }) => type === 'AssetOriginLost');

  it("gives an asset's own reference up when a check says that it is gone, and uploads the cached file there", async () => {
    const assetId = await rig.pixverseVideo();
    await cached(assetId);
    expect(await rig.resolved(assetId, 'pixverse')).toMatchObject({ source: 'native', reference: { referenceId: assetId } });
    const before = await rig.counts('pixverse');
    await deletedAtPixverse();
    const { token, ...answer } = await rig.check(assetId, 'pixverse', { referenceId: assetId });
    expect(answer).toEqual({ referenceId: assetId, state: 'gone', invalidated: true });
    expect(token).toMatchObject({ stream: assetStream(assetId), revision: 2 });
    expect(await losses(assetId)).toHaveLength(1);

    const { source, reference } = await rig.resolved(assetId, 'pixverse', { atLeast: token });
    expect(source).toBe('cached');
    expect(reference).toMatchObject({ variant: 'media', forms: { idType: 'media' } });
    const after = await rig.counts('pixverse');
    expect([after.uploads - before.uploads, after.downloads - before.downloads]).toEqual([1, 0]);
    // Every replica, also without the token.
    const answers = await Promise.all(Array.from({ length: 10 }, () => rig.resolve(assetId, 'pixverse')));
    for (const again of answers) expect(again).toMatchObject({ status: 'ready', source: 'cached', reference: { referenceId: reference.referenceId } });
    await expect(rig.check(assetId, 'pixverse', { referenceId: assetId })).rejects.toMatchObject({ code: 'UNKNOWN_REFERENCE' });
  }, 60_000);

  it("takes a report of an asset's own reference, and has its provider decide", async () => {
    const assetId = await rig.pixverseVideo();
    await expect(invalidate(assetId)).rejects.toMatchObject({ code: 'REFERENCE_LIVES' });
    await rig.fault({ provider: 'pixverse', operation: 'video-result', status: 500, times: 1 });
    await expect(invalidate(assetId)).rejects.toMatchObject({ code: 'REFERENCE_STATE_UNKNOWN', details: { reason: expect.any(String) as string } });
    expect(await rig.resolve(assetId, 'pixverse')).toMatchObject({ status: 'ready', source: 'native' });
    await deletedAtPixverse();
    await expect(invalidate(assetId, { owner: 'thief' })).rejects.toMatchObject({ code: 'UNKNOWN_ASSET' });
    await expect(invalidate(assetId, { providerId: 'sora' })).rejects.toMatchObject({ code: 'UNKNOWN_REFERENCE' });
    await expect(invalidate(assetId, { accountId: 'pixverse-other' })).rejects.toMatchObject({ code: 'UNKNOWN_REFERENCE' });
    expect(await losses(assetId)).toEqual([]);
    const { token } = await invalidate(assetId);
    expect((await invalidate(assetId, { atLeast: token })).token).toEqual(token);
    expect(await losses(assetId)).toMatchObject([{ data: { reason: 'gone', personal: { reason: 'Kim got a 404' } }, metadata: { actor: 'spec', owner: OWNER } }]);
  }, 60_000);

  it('says clearly that no bytes are left, without asking the vendor for them, and goes on when the origin is registered again', async () => {
    const { id, url } = await rig.seed('pixverse', 'video', 'pixverse-harbour.mp4');
    const asset = { kind: 'video', origin: { providerId: 'pixverse', forms: { id, idType: 'video' } } };
    const assetId = await rig.register(asset);
    const before = await rig.counts('pixverse');
    await deletedAtPixverse();
    const { token } = await rig.check(assetId, 'pixverse');
    await expect(rig.resolved(assetId, 'pixverse', { atLeast: token })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: expect.stringContaining('Register the asset again') as string,
      details: { kind: 'not-found' },
    });
    expect((await rig.counts('pixverse')).downloads).toBe(before.downloads);
    await rig.clearFaults();
    await rig.register({ ...asset, origin: { ...asset.origin, forms: { id, idType: 'video', url } } });
    await eventually(async () => expect(await rig.resolve(assetId, 'pixverse')).toMatchObject({ status: 'ready', source: 'native', reference: { forms: { url } } }));
  }, 60_000);

  describe('with a copy at a provider that gives it back', () => {
    /** Born at PixVerse, and uploaded to a provider; not in the cache any more. */
    const copiedTo = async (providerId: string, born = rig.pixverseImage()) => {
      const assetId = await born;
      const { reference } = await rig.resolved(assetId, providerId);
      await rm(join(rig.cacheDir, 'assets', assetId), { recursive: true });
      return { assetId, reference };
    };
    const originGone = () => rig.fault({ provider: 'pixverse', operation: 'media-download', status: 404 });
    const loseOrigin = async (assetId: string) => {
      const [registered] = await rig.store.read(assetStream(assetId));
      const { forms } = (registered!.data as { origin: { forms: object } }).origin;
      return (await rig.messaging.request<{ token: Token }>(SUBJECTS.catalog.loseOrigin, { ...command(assetId), seen: { forms }, reason: 'gone' }, { timeoutMs: 10_000 })).token;
    };
    /** Of the asset's last download. */
    const sources = async (assetId: string) => {
      const events = (await rig.store.read(downloadStream(assetId))) as unknown as DownloadEvent[];
      const run = Math.max(...events.map(({ data }) => parseRunId(data.downloadId)!.run));
      return events.flatMap((event) => (event.type === 'DownloadStarted' && parseRunId(event.data.downloadId)!.run === run ? [event.data.source] : []));
    };
    const plan = (assetId: string, providerId: string) =>
      rig.messaging.request<ResolvePlan>(SUBJECTS.transfer.plan, { ...command(assetId), providerId }, { timeoutMs: 10_000 });
    const atSora = async () => (await rig.accepted('spec-sora-key')).map(({ sha256 }) => sha256);

    it('reads from there when the origin has nothing to give any more', async () => {
      const { assetId, reference } = await copiedTo('vault');
      const before = await atSora();
      const [copy] = (await rig.accepted('spec-vault-key')).filter(({ id }) => id === reference.forms.id);
      await originGone();
      const { reference: made } = await rig.resolved(assetId, 'sora');
      expect(made).toMatchObject({ providerId: 'sora', variant: 'file' });
      expect(await sources(assetId)).toEqual([{ from: 'origin' }, { from: 'reference', referenceId: reference.referenceId }]);
      expect(await atSora()).toEqual([...before, copy!.sha256]);
    }, 60_000);

    it('reads from there while the origin has nothing to give yet', async () => {
      const { assetId, reference } = await copiedTo('vault', rig.pixverseVideo());
      await originGone();
      await rig.resolved(assetId, 'sora');
      const failed = ((await rig.store.read(downloadStream(assetId))) as unknown as DownloadEvent[]).find(({ type }) => type === 'DownloadAttemptFailed');
      expect(failed).toMatchObject({ data: { kind: 'not-found', retryable: true } });
      expect(await sources(assetId)).toEqual([{ from: 'origin' }, { from: 'reference', referenceId: reference.referenceId }]);
    }, 60_000);

    it('asks a lost origin for nothing', async () => {
      const { assetId, reference } = await copiedTo('vault');
      const token = await loseOrigin(assetId);
      const before = await rig.counts('pixverse');
      await rig.resolved(assetId, 'sora', { atLeast: token });
      expect(await sources(assetId)).toEqual([{ from: 'reference', referenceId: reference.referenceId }]);
      expect((await rig.counts('pixverse')).operations['media-download']).toBe(before.operations['media-download']);
    }, 60_000);

    it('takes nothing else for the file, and nothing from a provider that does not give the very bytes back', async () => {
      const { assetId } = await copiedTo('vault');
      const bytes = await readFile(join(FIXTURES, 'fixture.png'));
      bytes[bytes.length - 20]! ^= 1;
      const other = await rig.seedVideo({ bytes, mimeType: 'image/png' });
      const before = await atSora();
      const token = await loseOrigin(assetId);
      await rig.fault({ provider: 'openai', operation: 'file-content', redirectTo: other.url });
      await expect(rig.resolved(assetId, 'sora', { atLeast: token })).rejects.toMatchObject({ code: 'TRANSFER_FAILED', details: { kind: 'not-found' } });
      const failed = ((await rig.store.read(downloadStream(assetId))) as unknown as DownloadEvent[]).flatMap((event) => (event.type === 'DownloadAttemptFailed' ? [event.data.kind] : []));
      expect(failed).toEqual(['content-changed']);
      expect(await atSora()).toEqual(before);
      // As soon as it gives the very bytes again, it is good enough.
      await rig.clearFaults();
      expect(await plan(assetId, 'sora')).toMatchObject({ action: 'transfer', steps: [{ step: 'download', providerId: 'vault', accountId: 'vault-main' }, { step: 'upload' }] });
      await rig.resolved(assetId, 'sora');

      const { assetId: without } = await copiedTo('sora');
      const lost = await loseOrigin(without);
      const refused = { code: 'TRANSFER_FAILED', message: expect.stringContaining('no provider has a copy') as string };
      await expect(rig.resolved(without, 'vault', { atLeast: lost })).rejects.toMatchObject({ ...refused, details: { kind: 'not-found' } });
      expect(await plan(without, 'vault')).toMatchObject({ action: 'refuse', error: refused });
    }, 60_000);
  });
});
