import type { TransferEvent } from '@ferry/domain/transfer/events';
import { eventually } from '@ferry/testing/specs';
import { Rig } from './testing/rig';
import { count, streamOf, until } from './testing/steps';

const PROVIDERS = { FERRY_PROVIDERS: 'pixverse,vault' };
const KEY = 'spec-vault-key';

/** The vendor has the upload and is not done with it: nobody gets the reference, and nobody uploads again. */
describe('an upload that the vendor still processes', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start({ 'asset-catalog': PROVIDERS });
    await Promise.all([rig.startVault(), rig.startService('transfer', 'transfer', PROVIDERS)]);
  }, 120_000);
  afterAll(() => rig?.close(), 60_000);
  afterEach(() => rig.clearFaults());

  const accepted = async (): Promise<{ assetId: string; transferId: string; fileId: string }> => {
    await rig.fault({ provider: 'openai', operation: 'file-get', key: KEY, status: 503 });
    const known = (await rig.accepted(KEY)).map(({ id }) => id);
    const assetId = await rig.pixverseImage();
    const answer = await rig.resolve(assetId, 'vault');
    if (answer.status !== 'pending') throw new Error('the route was known already');
    const { transferId } = answer;
    await until(rig, streamOf(transferId), 'UploadAccepted');
    const [file] = (await rig.accepted(KEY)).filter(({ id }) => !known.includes(id));
    return { assetId, transferId, fileId: file!.id };
  };
  const endsWith = async ({ assetId, transferId, fileId }: Awaited<ReturnType<typeof accepted>>) => {
    expect(await rig.resolve(assetId, 'vault')).toMatchObject({ status: 'pending', transferId });
    expect(await rig.transfer(transferId)).toMatchObject({ status: 'accepted' });
    await rig.clearFaults();
    const { reference } = await rig.outcome(assetId, 'vault', transferId);
    expect(reference).toMatchObject({ referenceId: transferId, forms: { id: fileId, idType: 'file' }, expiresAt: expect.any(String) as string });
    const types = await rig.types(streamOf(transferId));
    expect(['UploadStarted', 'UploadAccepted', 'UploadFailed', 'UploadOrphaned'].map((type) => count(types, type))).toEqual([1, 1, 0, 0]);
  };

  it('is told with what to await, and its reference is handed out when it can be used', async () => {
    const begun = await accepted();
    const events = (await rig.store.read(streamOf(begun.transferId))) as unknown as TransferEvent[];
    expect(events.find(({ type }) => type === 'UploadAccepted')).toMatchObject({ data: { attempt: 1, forms: { id: begun.fileId, idType: 'file' } } });
    await endsWith(begun);
  }, 60_000);

  it.each(['SIGKILL', 'SIGTERM'] as const)('is awaited, and not uploaded again, when its adapter is lost by %s', async (signal) => {
    const begun = await accepted();
    await rig.service('provider-vault').stop(signal);
    await rig.startVault();
    const looks = async () => (await rig.counts('openai')).operations['file-get'] ?? 0;
    const before = await looks();
    await eventually(async () => expect(await looks()).toBeGreaterThan(before), { timeoutMs: 30_000 });
    await endsWith(begun);
  }, 90_000);

  it('is awaited when its worker is lost as well', async () => {
    const begun = await accepted();
    await Promise.all(['provider-vault', 'transfer'].map((name) => rig.service(name).stop('SIGKILL')));
    await Promise.all([rig.startVault(), rig.startService('transfer', 'transfer', PROVIDERS)]);
    await endsWith(begun);
  }, 90_000);

  it('is made again where the vendor says that it is gone', async () => {
    const { assetId, transferId, fileId } = await accepted();
    await rig.service('provider-vault').stop('SIGKILL');
    await rig.clearFaults();
    await rig.fault({ provider: 'openai', operation: 'file-get', key: KEY, status: 404, times: 1 });
    await rig.startVault();
    const { reference } = await rig.outcome(assetId, 'vault', transferId);
    expect(reference.forms.id).not.toBe(fileId);
    const types = await rig.types(streamOf(transferId));
    expect(['UploadStarted', 'UploadFailed', 'UploadOrphaned'].map((type) => count(types, type))).toEqual([2, 1, 0]);
  }, 90_000);
});
