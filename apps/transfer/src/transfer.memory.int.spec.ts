import { eventually } from '@ferry/testing/specs';
import { readFile } from 'node:fs/promises';
import { Rig } from './testing/rig';
import { pending, streamOf } from './testing/steps';

const MIB = 1024 * 1024;
const TRANSFERS = 10;
/** Bytes of each file: small in every run, 1 GiB in the long one. */
const FILE_BYTES = (process.env['FERRY_TEST_ROUNDS'] ? 1024 : 64) * MIB;
/** Of each process, in MiB. */
const MAX_GROWTH = 64;
const END_MS = 1_200_000;
const ENDS = ['TransferCompleted', 'TransferFailed', 'TransferCancelled'];

const SERVICES = ['asset-catalog', 'cache-manager', 'provider-pixverse', 'provider-sora', 'transfer'] as const;

const rssOf = async (pid: number): Promise<number> => Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;

(process.platform === 'linux' ? describe : describe.skip)('memory', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start({ 'cache-manager': { CACHE_MAX_BYTES: String(TRANSFERS * FILE_BYTES + 256 * MIB) } });
    await rig.startService('transfer', 'transfer', { TRANSFER_WORKERS: '20', TRANSFER_JOB_DEADLINE_MS: String(END_MS) });
  }, 120_000);
  afterAll(() => rig?.close(), 120_000);

  const sample = () => Promise.all(SERVICES.map((name) => rssOf(rig.service(name).pid)));
  const largeVideo = async (freeBytes: number): Promise<string> => {
    const { id } = await rig.seedVideo({ freeBytes });
    return rig.register({ kind: 'video', origin: { providerId: 'pixverse', forms: { id, idType: 'video' } } });
  };

  it(
    `stays flat while ${TRANSFERS} transfers of ${FILE_BYTES / MIB} MiB each run at the same time`,
    async () => {
      // Once through all code, which takes its own memory.
      await rig.resolved(await largeVideo(8 * MIB), 'sora');
      const assetIds: string[] = [];
      for (let index = 0; index < TRANSFERS; index += 1) assetIds.push(await largeVideo(FILE_BYTES));
      const before = await sample();
      const peak = [...before];
      const transferIds = await Promise.all(assetIds.map((assetId) => pending(rig, assetId)));
      const ends = await eventually(
        async () => {
          (await sample()).forEach((rss, index) => (peak[index] = Math.max(peak[index]!, rss)));
          const types = await Promise.all(transferIds.map((transferId) => rig.types(streamOf(transferId))));
          const ended = types.flatMap((all) => all.filter((type) => ENDS.includes(type)));
          if (ended.length < TRANSFERS) throw new Error(`${ended.length} of ${TRANSFERS} have ended`);
          return ended;
        },
        { timeoutMs: END_MS, everyMs: 200 },
      );
      expect(ends).toEqual(Array.from({ length: TRANSFERS }, () => 'TransferCompleted'));
      const growth = Object.fromEntries(SERVICES.map((name, index) => [name, Math.round((peak[index]! - before[index]!) / MIB)]));
      process.stdout.write(`growth of the resident memory in MiB: ${JSON.stringify(growth)}\n`);
      expect(Object.entries(growth).filter(([, mebibytes]) => mebibytes > MAX_GROWTH)).toEqual([]);
    },
    END_MS + 300_000,
  );
});
