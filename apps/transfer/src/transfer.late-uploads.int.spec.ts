import type { TransferEvent } from '@ferry/domain/transfer/events';
import { eventually } from '@ferry/testing/specs';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { accountOf, accounts, keyOf } from './testing/fault-rows';
import { FIXTURES, Rig } from './testing/rig';
import { count, streamOf, until } from './testing/steps';

const SORA = { SORA_ACCOUNTS: accounts('sora', 2) };
/** Of a job: an adapter that nobody hears gives up then. */
const DEADLINE_MS = 25_000;
/** After the upload was given up as absent, and before its adapter gives up. */
const LATE_MS = 20_000;
const [LATE, NEVER] = [accountOf(0), accountOf(1)];

/** A way to a server that can be cut. */
const openDoor = async (port: number) => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const through = connect(port, '127.0.0.1');
    for (const end of [socket, through]) {
      sockets.add(end);
      end.on('error', () => end.destroy());
    }
    socket.pipe(through).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, cut };
};

describe('released uploads whose adapter is cut off from the message bus alone', () => {
  let rig: Rig;
  let door: Awaited<ReturnType<typeof openDoor>>;

  beforeAll(async () => {
    rig = await Rig.start({ 'provider-sora': SORA });
    door = await openDoor(Number(new URL(rig.servers.urls.NATS_URL).port));
    await rig.service('provider-sora').stop();
    await rig.startService('provider-sora', 'provider-sora', { ...SORA, NATS_URL: `nats://127.0.0.1:${door.port}` });
    await rig.startService('transfer', 'transfer', { TRANSFER_LOST_RELEASE_MS: '0', TRANSFER_JOB_DEADLINE_MS: String(DEADLINE_MS) });
  }, 120_000);
  afterAll(async () => {
    door?.cut();
    await rig?.close();
  }, 60_000);

  const released = async (accountId: string, latencyMs: number): Promise<{ assetId: string; transferId: string }> => {
    await rig.fault({ provider: 'openai', operation: 'file-create', key: keyOf('sora', accountId), times: 1, latencyMs });
    const assetId = await rig.pixverseImage();
    const answer = await rig.resolve(assetId, 'sora', { accountId });
    if (answer.status !== 'pending') throw new Error('the route was known already');
    await until(rig, streamOf(answer.transferId), 'UploadReleased');
    return { assetId, transferId: answer.transferId };
  };
  const types = (transferId: string) => rig.types(streamOf(transferId));

  it('are repeated, and one that came to stand after that is recorded as an orphan; one that did not is not', async () => {
    const before = await rig.counts('openai');
    const [late, never] = await Promise.all([released(LATE, LATE_MS), released(NEVER, 120_000)]);
    const { size } = await stat(join(FIXTURES, 'fixture.png'));
    await eventually(async () => expect((await rig.counts('openai')).bytesIn - before.bytesIn).toBeGreaterThanOrEqual(2 * size));
    door.cut();
    await rig.startService('provider-sora', 'provider-sora-again', SORA);
    const references = await Promise.all([late, never].map(async ({ assetId, transferId }) => (await rig.outcome(assetId, 'sora', transferId)).reference));
    for (const { transferId } of [late, never]) expect([count(await types(transferId), 'UploadStarted'), count(await types(transferId), 'UploadOrphaned')]).toEqual([2, 0]);

    await rig.fault({ provider: 'openai', operation: 'file-list', key: keyOf('sora', NEVER), name: 'looked for once more', latencyMs: 1 });
    await until(rig, streamOf(late.transferId), 'UploadOrphaned', 60_000);
    await eventually(async () => expect((await rig.faultCalls())['looked for once more']).toBe(1), { timeoutMs: 30_000 });
    const accepted = (await rig.accepted(keyOf('sora', LATE))).map(({ id }) => id);
    const [other] = accepted.filter((id) => id !== references[0]!.forms.id);
    expect(accepted).toHaveLength(2);
    const orphans = (await rig.store.read<TransferEvent>(streamOf(late.transferId))).filter(({ type }) => type === 'UploadOrphaned');
    expect(orphans).toMatchObject([{ data: { transferId: late.transferId, attempt: 1, marker: `ferry-${late.transferId}`, forms: { id: other } } }]);
    expect((await rig.accepted(keyOf('sora', NEVER))).map(({ id }) => id)).toEqual([references[1]!.forms.id]);
    expect(count(await types(never.transferId), 'UploadOrphaned')).toBe(0);
  }, 180_000);
});
