import { eventually } from '@ferry/testing/specs';
import { Rig } from './testing/rig';
import { count, pending, streamOf, until } from './testing/steps';

const HELD_MS = 120_000;

/** The adapter is killed while the vendor has all of an upload that was released. */
describe('a released upload whose adapter is lost', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
    await rig.startService('transfer', 'transfer', { TRANSFER_LOST_RELEASE_MS: '1000' });
  }, 60_000);
  afterAll(() => rig?.close(), 60_000);
  afterEach(() => rig.clearFaults());

  const lose = async (transferId: string) => {
    await until(rig, streamOf(transferId), 'UploadReleased');
    await rig.service('provider-sora').stop('SIGKILL');
    await rig.startService('provider-sora');
  };
  const uploads = async () => (await rig.counts('openai')).uploads;

  it('is found by its name where the vendor lists it: one upload, no orphan', async () => {
    const assetId = await rig.pixverseImage();
    const before = await uploads();
    await rig.fault({ provider: 'openai', operation: 'file-create', answerLatencyMs: HELD_MS, times: 1 });
    const transferId = await pending(rig, assetId);
    await eventually(async () => expect(await uploads()).toBe(before + 1), { timeoutMs: 20_000 });
    await lose(transferId);
    const { reference } = await rig.outcome(assetId, 'sora', transferId);
    expect(reference).toMatchObject({ referenceId: transferId, forms: { idType: 'file' }, expiresAt: expect.any(String) as string });
    expect(await uploads()).toBe(before + 1);
    const types = await rig.types(streamOf(transferId));
    expect(count(types, 'UploadStarted')).toBe(1);
    expect(types).not.toContain('UploadOrphaned');
  }, 60_000);

  it('is repeated, once, where the vendor never accepted it: no orphan', async () => {
    const assetId = await rig.pixverseImage();
    const before = await uploads();
    await rig.fault({ provider: 'openai', operation: 'file-create', latencyMs: HELD_MS, times: 1 });
    const transferId = await pending(rig, assetId);
    await lose(transferId);
    await rig.outcome(assetId, 'sora', transferId);
    expect(await uploads()).toBe(before + 1);
    const types = await rig.types(streamOf(transferId));
    expect(count(types, 'UploadStarted')).toBe(2);
    expect(types).not.toContain('UploadOrphaned');
  }, 60_000);

  it.each([
    ['accepted', { answerLatencyMs: HELD_MS }, 2],
    ['never accepted', { latencyMs: HELD_MS }, 1],
  ])('is repeated where nothing can be looked up, %s: at most one orphan, recorded', async (_name, fault, accepted) => {
    const assetId = await rig.pixverseVideo();
    const before = await uploads();
    await rig.fault({ provider: 'openai', operation: 'character-create', times: 1, ...fault });
    const transferId = await pending(rig, assetId);
    if (accepted === 2) await eventually(async () => expect(await uploads()).toBe(before + 1), { timeoutMs: 20_000 });
    await lose(transferId);
    await rig.outcome(assetId, 'sora', transferId);
    expect(await uploads()).toBe(before + accepted);
    const types = await rig.types(streamOf(transferId));
    expect(count(types, 'UploadStarted')).toBe(2);
    expect(count(types, 'UploadOrphaned')).toBe(1);
  }, 60_000);
});
