import type { ResolveAnswer } from '@ferry/contracts';
import type { TransferEvent } from '@ferry/domain/transfer';
import type { FerryError } from '@ferry/kernel';
import { eventually, rounds, seed } from '@ferry/testing/specs';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { ReferenceWaiter } from '../../gateway/src/provider-urls/reference-waiter';
import { Services } from '../../gateway/src/services';
import { Rig } from './testing/rig';
import { count, pending, streamOf } from './testing/steps';

const CROWD = 1_000;
const MOST_MOMENTS = 20;
const BYTES_PER_SECOND = 200_000;
/** Milliseconds from the end of the run until the last one has the answer. */
const TOLD_MS = 1_000;
const LOST = ['SERVICE_UNAVAILABLE', 'REQUEST_TIMEOUT'];

describe(`${CROWD} callers whose transfer loses its replica`, () => {
  let rig: Rig;
  let waiter: ReferenceWaiter;
  const workers = new Map<string, string>();

  const start = async (replica: string): Promise<void> => {
    const service = await rig.startService('transfer', replica);
    const [, workerId] = await eventually(() => /"workerId":"([^"]+)","msg":"this worker takes runs"/.exec(service.output()) ?? Promise.reject(new Error('it does not say who it is')));
    workers.set(workerId!, replica);
  };

  beforeAll(async () => {
    rig = await Rig.start();
    await Promise.all(['one', 'two', 'three'].map(start));
    waiter = new ReferenceWaiter(new Services(rig.messaging), { GATEWAY_MAX_WAITERS: 10 * CROWD } as ConstructorParameters<typeof ReferenceWaiter>[1], rig.messaging);
  }, 120_000);
  afterAll(async () => {
    waiter?.onModuleDestroy();
    await rig?.close();
  }, 60_000);
  afterEach(() => rig.clearFaults());

  /** A caller whose question died with the replica asks anew; it waits from then on. */
  const call = async (assetId: string): Promise<{ answer: ResolveAnswer; at: number; anew: boolean }> => {
    for (let anew = false; ; anew = true) {
      try {
        const request = { owner: 'dev', actor: 'crowd', commandId: randomUUID(), assetId, providerId: 'sora' };
        const answer = await waiter.resolve(request, 120_000, new AbortController().signal);
        return { answer, at: Date.now(), anew };
      } catch (error) {
        if (anew || !LOST.includes((error as FerryError).code)) throw error;
      }
    }
  };

  const holderOf = (transferId: string): Promise<string> =>
    eventually(async () => {
      const events = (await rig.store.read(streamOf(transferId))) as unknown as TransferEvent[];
      const claimed = events.findLast((event) => event.type === 'TransferClaimed');
      const replica = claimed && workers.get(claimed.data.workerId);
      if (!replica) throw new Error('nobody has claimed it yet');
      return replica;
    });

  const moments = fc.sample(fc.integer({ min: 0, max: 100 }), { seed: seed(), numRuns: Math.min(rounds(1), MOST_MOMENTS) });

  it.each(moments)('have one upload and their answer: killed when %d %% of the bytes are there', async (percent) => {
    const { id, sizeBytes } = await rig.seed('pixverse', 'video', 'pixverse-harbour.mp4');
    const assetId = await rig.register({ kind: 'video', origin: { providerId: 'pixverse', forms: { id, idType: 'video' } } });
    const before = await rig.counts('openai');
    await rig.fault({ provider: 'openai', operation: 'character-create', bytesPerSecond: BYTES_PER_SECOND, times: 1 });
    const transferId = await pending(rig, assetId);
    const told = Promise.all(Array.from({ length: CROWD }, () => call(assetId)));
    await eventually(async () => expect((await rig.counts('openai')).bytesIn - before.bytesIn).toBeGreaterThanOrEqual((sizeBytes * percent) / 100), { timeoutMs: 60_000 });
    const replica = await holderOf(transferId);
    await rig.service(replica).stop('SIGKILL');
    const restarted = start(replica);
    const answers = await told;
    await restarted;
    expect(new Set(answers.map(({ answer }) => answer.status === 'ready' && answer.reference.referenceId))).toEqual(new Set([transferId]));
    expect((await rig.counts('openai')).uploads - before.uploads).toBe(1);
    const events = await rig.store.read(streamOf(transferId));
    expect(count(events.map(({ type }) => type), 'TransferRequested')).toBe(1);
    const ended = Date.parse(events.find(({ type }) => type === 'TransferCompleted')!.created);
    const waited = answers.filter(({ anew }) => !anew);
    expect(waited.length).toBeGreaterThan(0);
    expect(Math.max(...waited.map(({ at }) => at)) - ended).toBeLessThan(TOLD_MS);
  }, 200_000);
});
