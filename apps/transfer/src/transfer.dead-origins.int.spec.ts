import { SUBJECTS } from '@ferry/contracts';
import { assetStream } from '@ferry/domain/asset/events';
import { cacheStream } from '@ferry/domain/cache/events';
import type { Token } from '@ferry/kernel';
import { eventually } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { OWNER, Rig } from './testing/rig';

describe('assets whose origin is gone', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
    await Promise.all(['one', 'two'].map((name) => rig.startService('transfer', name)));
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
});
