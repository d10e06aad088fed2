import { eventually } from '@ferry/testing/specs';
import { Rig } from './testing/rig';
import { BUSY, Work } from './testing/stops';
const ASSETS = 10;
const BYTES_PER_SECOND = 1_000_000;
const pauseMs = async (ms: number) => { const since = performance.now(); await eventually(() => expect(performance.now() - since).toBeGreaterThan(ms), { timeoutMs: 5 * ms }); };
describe('20 transfers under way', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await Rig.start();
    await Promise.all(['one', 'two'].map((name) => rig.startService('transfer', name, { ...BUSY, TRANSFER_WORKERS: '12', TRANSFER_JOB_DEADLINE_MS: '600000' })));
  }, 120_000);
  afterAll(() => rig?.close(), 60_000);
  for (const victims of [['provider-sora'], ['provider-pixverse'], ['provider-sora', 'provider-pixverse'], ['cache-manager'], ['one'], ['transfer', 'two']]) {
    for (const frozen of [1_000, 4_500, 7_000])
    it(`variant ${victims.join('+')} ${frozen}`, async () => {
      const work = await Work.begin(rig);
      const before = await rig.counts('openai');
      await rig.limit('openai', { bytesPerSecondIn: BYTES_PER_SECOND });
      await work.add(ASSETS);
      await eventually(async () => expect((await rig.counts('openai')).bytesIn).toBeGreaterThan(before.bytesIn + BYTES_PER_SECOND), { timeoutMs: 60_000 });
      const bringBack = await rig.servers.stop('NATS_URL');
      await pauseMs(4_000);
      for (const name of victims) process.kill(rig.service(name).pid, 'SIGSTOP');
      await bringBack();
      await rig.clearLimits();
      await pauseMs(frozen);
      for (const name of victims) process.kill(rig.service(name).pid, 'SIGCONT');
      await work.done();
    }, 300_000);
  }
});
