import { eventually } from '@ferry/testing/specs';
import { accountOf, accounts, keyOf } from './testing/fault-rows';
import { Rig } from './testing/rig';
import { count, streamOf, until } from './testing/steps';

const HELD_MS = 120_000;
const ACCEPTED = { answerLatencyMs: HELD_MS };
const NEVER_ACCEPTED = { latencyMs: HELD_MS };

interface Lost {
  readonly name: string;
  /** The vendor lists its files, and no characters. */
  readonly operation: 'file-create' | 'character-create';
  readonly fault: typeof ACCEPTED | typeof NEVER_ACCEPTED;
  /** Attempts in the end. */
  readonly attempts: number;
  /** What stands at the vendor in the end. */
  readonly accepted: number;
  readonly orphans: number;
}

const UPLOADS: readonly Lost[] = [
  { name: 'is found by its name where the vendor lists it: one upload, no orphan', operation: 'file-create', fault: ACCEPTED, attempts: 1, accepted: 1, orphans: 0 },
  { name: 'is repeated, once, where the vendor never accepted it: no orphan', operation: 'file-create', fault: NEVER_ACCEPTED, attempts: 2, accepted: 1, orphans: 0 },
  { name: 'is repeated where nothing can be looked up, accepted: at most one orphan, recorded', operation: 'character-create', fault: ACCEPTED, attempts: 2, accepted: 2, orphans: 1 },
  { name: 'is repeated where nothing can be looked up, never accepted: at most one orphan, recorded', operation: 'character-create', fault: NEVER_ACCEPTED, attempts: 2, accepted: 1, orphans: 1 },
];
const SORA = { SORA_ACCOUNTS: accounts('sora', UPLOADS.length + 2) };

interface Begun {
  readonly assetId: string;
  readonly transferId: string;
}

/** The adapter is killed while the vendor has all of several uploads that were released, each with an account of its own. */
describe('a released upload whose adapter is lost', () => {
  let rig: Rig;
  const begun = new Map<Lost, Begun>();

  const acceptedOf = async (lost: Lost) => (await rig.accepted(keyOf('sora', accountOf(UPLOADS.indexOf(lost))))).length;

  const begin = async (lost: Lost): Promise<Begun> => {
    const accountId = accountOf(UPLOADS.indexOf(lost));
    await rig.fault({ provider: 'openai', operation: lost.operation, key: keyOf('sora', accountId), times: 1, ...lost.fault });
    const assetId = await (lost.operation === 'file-create' ? rig.pixverseImage() : rig.pixverseVideo());
    const answer = await rig.resolve(assetId, 'sora', { accountId });
    if (answer.status !== 'pending') throw new Error('the route was known already');
    const { transferId } = answer;
    if (lost.fault === ACCEPTED) await eventually(async () => expect(await acceptedOf(lost)).toBe(1), { timeoutMs: 20_000 });
    await until(rig, streamOf(transferId), 'UploadReleased');
    return { assetId, transferId };
  };

  beforeAll(async () => {
    rig = await Rig.start({ 'provider-sora': SORA });
    await rig.startService('transfer', 'transfer', { TRANSFER_LOST_RELEASE_MS: '1000' });
    await Promise.all(UPLOADS.map(async (lost) => begun.set(lost, await begin(lost))));
    await rig.service('provider-sora').stop('SIGKILL');
    await rig.startService('provider-sora', 'provider-sora', SORA);
  }, 120_000);
  afterAll(() => rig?.close(), 60_000);

  it.each(UPLOADS)('$name', async (lost) => {
    const { assetId, transferId } = begun.get(lost)!;
    const accountId = accountOf(UPLOADS.indexOf(lost));
    const { reference } = await rig.outcome(assetId, 'sora', transferId);
    expect(reference).toMatchObject({ referenceId: transferId, accountId, forms: { idType: lost.operation === 'file-create' ? 'file' : 'character' } });
    if (lost.operation === 'file-create') expect(reference.expiresAt).toEqual(expect.any(String));
    expect(await acceptedOf(lost)).toBe(lost.accepted);
    const types = await rig.types(streamOf(transferId));
    expect(count(types, 'UploadStarted')).toBe(lost.attempts);
    expect(count(types, 'UploadOrphaned')).toBe(lost.orphans);
  }, 90_000);

  it('is found by its name where only its answer was lost', async () => {
    const accountId = accountOf(UPLOADS.length);
    const key = keyOf('sora', accountId);
    await rig.fault({ provider: 'openai', operation: 'file-create', key, times: 1, loseAnswer: true });
    const assetId = await rig.pixverseImage();
    const { reference } = await rig.resolved(assetId, 'sora', { accountId });
    const accepted = await rig.accepted(key);
    expect(accepted.map(({ id }) => id)).toEqual([reference.forms.id]);
    const types = await rig.types(streamOf(reference.referenceId));
    expect([count(types, 'UploadStarted'), count(types, 'UploadOrphaned'), count(types, 'UploadFailed')]).toEqual([1, 0, 0]);
  }, 90_000);

  it('is found by its name where its adapter is stopped on purpose', async () => {
    const accountId = accountOf(UPLOADS.length + 1);
    const key = keyOf('sora', accountId);
    await rig.fault({ provider: 'openai', operation: 'file-create', key, times: 1, ...ACCEPTED });
    const assetId = await rig.pixverseImage();
    const answer = await rig.resolve(assetId, 'sora', { accountId });
    if (answer.status !== 'pending') throw new Error('the route was known already');
    await eventually(async () => expect(await rig.accepted(key)).toHaveLength(1), { timeoutMs: 20_000 });
    await until(rig, streamOf(answer.transferId), 'UploadReleased');
    await rig.service('provider-sora').stop('SIGTERM');
    await rig.startService('provider-sora', 'provider-sora', SORA);
    const { reference } = await rig.outcome(assetId, 'sora', answer.transferId);
    expect((await rig.accepted(key)).map(({ id }) => id)).toEqual([reference.forms.id]);
    expect(count(await rig.types(streamOf(answer.transferId)), 'UploadStarted')).toBe(1);
  }, 90_000);

  it('has cost the vendor no other upload', async () => {
    expect((await rig.counts('openai')).uploads).toBe(UPLOADS.reduce((sum, { accepted }) => sum + accepted, 2));
  });
});
