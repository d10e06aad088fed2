import { itWithOwn, type ServerVariable } from '@ferry/testing/servers';
import { eventually, rounds } from '@ferry/testing/specs';
import { Rig } from './testing/rig';
import { BUSY, Work } from './testing/stops';

const ASSETS = 10;
/** Slow enough that nothing has ended when the server goes. */
const BYTES_PER_SECOND = 1_000_000;
const AWAY_MS = rounds(1) > 1 ? 60_000 : 4_000;

describe('20 transfers under way', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
    await Promise.all(['one', 'two'].map((name) => rig.startService('transfer', name, { ...BUSY, TRANSFER_WORKERS: '12', TRANSFER_JOB_DEADLINE_MS: '600000' })));
  }, 120_000);
  afterAll(() => rig?.close(), 60_000);
  afterEach(() => rig.clearLimits());

  const servers: readonly [ServerVariable, string][] = [
    ['EVENTSTORE_URL', 'the event store'],
    ['MONGODB_URL', 'MongoDB'],
    ['NATS_URL', 'NATS'],
  ];
  for (const [variable, name] of servers) {
    itWithOwn(variable, `end as if nothing had been where ${name} is away for ${AWAY_MS / 1_000} s`, async () => {
      const work = await Work.begin(rig);
      const before = await rig.counts('openai');
      await rig.limit('openai', { bytesPerSecondIn: BYTES_PER_SECOND });
      await work.add(ASSETS);
      await eventually(async () => expect((await rig.counts('openai')).bytesIn).toBeGreaterThan(before.bytesIn + BYTES_PER_SECOND), { timeoutMs: 60_000 });
      expect((await rig.counts('openai')).uploads - before.uploads).toBeLessThan(ASSETS);
      const bringBack = await rig.servers.stop(variable);
      const since = performance.now();
      await eventually(() => expect(performance.now() - since).toBeGreaterThan(AWAY_MS), { timeoutMs: 2 * AWAY_MS });
      await bringBack();
      await rig.clearLimits();
      await work.done();
      await work.check({ downloads: ASSETS, orphans: 0 });
    }, 300_000);
  }
});
