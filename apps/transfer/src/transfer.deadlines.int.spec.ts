import { Rig } from './testing/rig';
import { pending, streamOf, until } from './testing/steps';

describe('a transfer that waits for what does not come', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
    await rig.startService('transfer', 'first', { TRANSFER_JOB_DEADLINE_MS: '6000', TRANSFER_RETRY_BUDGET_MS: '6000' });
  }, 60_000);
  afterAll(() => rig?.close(), 60_000);

  it('asks for a released upload until its deadline where the adapter is lost, and then tells of what may stand at the vendor', async () => {
    const assetId = await rig.pixverseVideo();
    await rig.fault({ provider: 'openai', operation: 'character-create', latencyMs: 60_000, times: 1 });
    const transferId = await pending(rig, assetId);
    await until(rig, streamOf(transferId), 'UploadReleased');
    await rig.service('provider-sora').stop('SIGKILL');
    await rig.startService('provider-sora');
    const lostAt = performance.now();
    await rig.outcome(assetId, 'sora', transferId);
    expect(performance.now() - lostAt).toBeGreaterThan(5_000);
    const types = await rig.types(streamOf(transferId));
    expect(types.slice(types.indexOf('UploadReleased'))).toEqual([
      'UploadReleased',
      'UploadFailed',
      'UploadOrphaned',
      'UploadStarted',
      'UploadReleased',
      'UploadCompleted',
      'ProviderUrlCached',
      'TransferCompleted',
    ]);
  }, 120_000);

  it('is given up in time where a service that it needs stays away', async () => {
    const assetId = await rig.pixverseVideo();
    await rig.service('cache-manager').stop('SIGKILL');
    const transferId = await pending(rig, assetId);
    await expect(rig.outcome(assetId, 'sora', transferId)).rejects.toMatchObject({ code: 'TRANSFER_FAILED', details: { kind: 'unavailable' } });
    await rig.startService('cache-manager');
  }, 120_000);
});
