import type { ResolveAnswer } from '@ferry/contracts';
import { transferStream, type TransferEvent } from '@ferry/domain/transfer/events';
import { eventually } from '@ferry/testing/specs';
import { Rig } from './testing/rig';
import { count } from './testing/steps';

/** Seconds; a resolve wants 60 of them left, so the reference is of use for the first 20 alone. */
const LIVES_SECONDS = 80;
const SECOND = { accountId: 'sora-second' };

type Ready = Extract<ResolveAnswer, { status: 'ready' }>;

/** Renewed from 16 s after it was made on where it was used after 12 s. */
describe('references near their end', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
    await Promise.all(['first', 'second'].map((name) => rig.startService('transfer', name, { TRANSFER_USAGE_MS: '200', TRANSFER_REFRESH_SHARE: '0.05' })));
  }, 60_000);
  afterAll(() => rig?.close(), 60_000);

  const runs = async ({ routeId }: Ready) => {
    const events = await rig.store.read<TransferEvent>(transferStream(routeId));
    return events.flatMap(({ type, data }) => (type === 'TransferRequested' ? [(data as { reason: string; priority: string }).reason] : []));
  };

  it('are renewed once, before anybody waits, where they are in use; a renewal that fails hides nothing', async () => {
    const [used, unused, failing] = [await rig.pixverseImage(), await rig.pixverseImage(), await rig.pixverseImage()];
    await rig.fault({ provider: 'openai', operation: 'file-create', livesSeconds: LIVES_SECONDS, times: 3 });
    const first = await rig.resolved(used, 'sora');
    const left = await rig.resolved(unused, 'sora');
    const old = await rig.resolved(failing, 'sora', SECOND);
    await rig.fault({ provider: 'openai', operation: 'file-create', key: 'spec-second-key', status: 400 });

    let renewed = first;
    await eventually(
      async () => {
        const [answer, other] = await Promise.all([rig.resolve(used, 'sora'), rig.resolve(failing, 'sora', SECOND)]);
        expect([answer, other]).toMatchObject([{ status: 'ready' }, { status: 'ready', reference: { referenceId: old.reference.referenceId } }]);
        renewed = answer as Ready;
        if (renewed.reference.referenceId === first.reference.referenceId) throw new Error('not renewed yet');
        expect(await rig.types(transferStream(old.routeId))).toContain('TransferFailed');
      },
      { timeoutMs: 40_000 },
    );
    expect(Date.parse(renewed.reference.expiresAt!)).toBeGreaterThan(Date.parse(first.reference.expiresAt!));
    expect(await runs(first)).toEqual(['resolve', 'refresh']);
    expect(count(await rig.types(transferStream(first.routeId)), 'UploadStarted')).toBe(2);
    expect((await runs(old)).slice(0, 2)).toEqual(['resolve', 'refresh']);

    // Nobody asks for the unused one, which would be a use: at its end there is no new one, and who asks then waits.
    const end = Date.parse(left.reference.expiresAt!) - 60_000;
    await eventually(() => expect(Date.now()).toBeGreaterThan(end), { timeoutMs: 30_000 });
    expect(await runs(left)).toEqual(['resolve']);
    expect((await rig.resolve(unused, 'sora')).status).toBe('pending');
  }, 90_000);
});
