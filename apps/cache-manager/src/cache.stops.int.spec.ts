import { STEP_BOUNDARIES, type StepBoundary } from '@ferry/observability';
import { SUBJECTS } from '@ferry/contracts';
import { eventually } from '@ferry/testing/specs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CacheProcess } from './testing/cache-process';
import { MAX_BYTES, RunningCache, sha256Of } from './testing/running-cache';
import { Vendor } from './testing/vendor';

/** As many files as fit into the budget. */
const FITTING = 4;
const GONE = ['FileEvicted', undefined];

interface Known {
  readonly assetId: string;
  readonly content: Buffer;
  attempt: number;
}

let cache: RunningCache;
let vendor: Vendor;
let known: Known[] = [];
let process: CacheProcess | undefined;
beforeAll(async () => {
  cache = await RunningCache.start();
  await cache.shutDown();
  vendor = await Vendor.start(cache);
}, 60_000);
afterEach(async () => {
  await process?.stop();
  known = [];
});
afterAll(async () => {
  await vendor?.stop();
  await cache?.stop();
});

const newAsset = async (): Promise<Known> => {
  const one = { assetId: await vendor.asset(true), content: vendor.content(), attempt: 0 };
  known.push(one);
  return one;
};

/** Undefined where the process is lost under it. */
const put = async (one: Known): Promise<number | undefined> => {
  try {
    const { putUrl } = await cache.open(one.assetId, { attempt: (one.attempt += 1), sizeBytes: one.content.length });
    const response = await fetch(putUrl, { method: 'PUT', body: new Uint8Array(one.content) });
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ALREADY_CACHED') return 200;
    if (error instanceof TypeError || code === 'SERVICE_UNAVAILABLE' || code === 'REQUEST_TIMEOUT' || code === 'CACHE_NOT_READY') return undefined;
    throw error;
  }
};

const putSurely = (one: Known): Promise<number> =>
  eventually(
    async () => {
      const status = await put(one);
      if (status !== 200 && status !== 201) throw new Error(`it is answered ${status}`);
      return status;
    },
    { timeoutMs: 30_000, everyMs: 250 },
  );

/** Index, disk and events agree, each file that no event gave up is there, whole, and the budget holds. */
const checkAll = async (): Promise<void> => {
  const there: string[] = [];
  for (const { assetId, content } of known) {
    const last = (await cache.eventTypes(assetId)).at(-1);
    if (last !== 'FileCached') {
      expect(GONE).toContain(last);
      await expect(cache.lease(assetId)).rejects.toMatchObject({ code: 'NOT_CACHED' });
      continue;
    }
    there.push(assetId);
    const { getUrl, leaseId } = await cache.lease(assetId);
    expect(sha256Of(Buffer.from(await (await fetch(getUrl)).arrayBuffer()))).toBe(sha256Of(content));
    await cache.ask(SUBJECTS.cache.release, { leaseId });
  }
  expect((await readdir(join(cache.cacheDir, 'assets'))).sort()).toEqual(there.sort());
  const { usedBytes, reservedBytes, files } = await cache.usage();
  expect([usedBytes, reservedBytes, files, await cache.temporaryFiles()]).toEqual([await cache.bytesOnDisk(), 0, there.length, []]);
  expect(usedBytes).toBeLessThanOrEqual(MAX_BYTES);
};

const remove = async (): Promise<void> => {
  for (const { assetId } of known) await cache.deleteAsset(assetId);
  await eventually(async () => expect(await readdir(join(cache.cacheDir, 'assets'))).toEqual([]));
  known = [];
};

const steps: readonly [string, readonly StepBoundary[]][] = [
  ['a write', STEP_BOUNDARIES['cache-manager']],
  ['an eviction', STEP_BOUNDARIES.eviction],
];

describe.each(steps)('a cache-manager that is lost in %s', (what, names) => {
  it.each(names)('at %s', async (name) => {
    process = await CacheProcess.start(cache);
    const files = what === 'a write' ? 1 : FITTING;
    for (let count = 0; count < files; count += 1) await putSurely(await newAsset());
    await process.stop();

    process = await CacheProcess.start(cache, { FERRY_STOP_AT: name, CACHE_LEASE_SECONDS: '1' });
    const lost = process.exited;
    const one = await newAsset();
    const state = { gone: false };
    void lost.then(() => (state.gone = true));
    await eventually(
      async () => {
        const status = await put(one);
        if (status === 201) await cache.lease(one.assetId).catch((error: unknown) => expect(error).toMatchObject({ code: expect.any(String) as string }));
        expect(state.gone).toBe(true);
      },
      { timeoutMs: 30_000, everyMs: 250 },
    );
    expect((await lost).signal).toBe('SIGKILL');

    process = await CacheProcess.start(cache, { CACHE_LEASE_SECONDS: '1' });
    await checkAll();
    await putSurely(one);
    await checkAll();
    await remove();
  }, 120_000);
});
