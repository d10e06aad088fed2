import { eventually } from '@ferry/testing/specs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CacheProcess } from '../testing/cache-process';
import { MAX_BYTES, RunningCache, sha256Of } from '../testing/running-cache';
import { Vendor } from '../testing/vendor';

const WRITERS = 50;
const FILES_EACH = 2;
const SAMPLE_MS = 10;
const BLOCK_BYTES = 512;
/** What a writer may be told where others have the room, or make room for longer than it waits. */
const PASSING = ['CACHE_FULL', 'CACHE_BUSY', 'CACHE_NOT_READY', 'PUT_SUPERSEDED', 'DEADLINE_EXCEEDED', 'REQUEST_TIMEOUT'];

let cache: RunningCache;
let vendor: Vendor;
let node: CacheProcess;
beforeAll(async () => {
  cache = await RunningCache.start();
  await cache.shutDown();
  vendor = await Vendor.start(cache);
  node = await CacheProcess.start(cache, { CACHE_LEASE_SECONDS: '1' });
  await cache.rested();
}, 60_000);
afterAll(async () => {
  await node?.stop();
  await vendor?.stop();
  await cache?.stop();
});

const journalBytes = async (): Promise<number> => (await stat(join(cache.cacheDir, 'events.journal'))).blocks * BLOCK_BYTES;

/** One attempt; what came of it. */
const put = async (assetId: string, attempt: number, content: Buffer, isAnnounced: boolean): Promise<string> => {
  try {
    const { putUrl } = await cache.open(assetId, { attempt, ...(isAnnounced ? { sizeBytes: content.length } : {}) });
    const body = isAnnounced ? new Uint8Array(content) : new Blob([new Uint8Array(content)]).stream();
    const response = await fetch(putUrl, { method: 'PUT', body, duplex: 'half' } as RequestInit);
    const { code } = (await response.json()) as { code?: string };
    return code ?? 'stored';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
};

it(`${WRITERS} writers at a time, with and without announced lengths, evict each other's files and never exceed the budget`, async () => {
  let writing = true;
  let highest = 0;
  let samples = 0;
  const sampled = (async () => {
    for (let since = performance.now(); writing; since = performance.now()) {
      highest = Math.max(highest, (await journalBytes()) + (await cache.bytesAtOnce()));
      samples += 1;
      if (performance.now() - since < SAMPLE_MS) await eventually(() => expect(performance.now() - since).toBeGreaterThanOrEqual(SAMPLE_MS), { everyMs: 1 });
    }
  })();
  const refused = new Map<string, number>();
  const stored: { readonly assetId: string; readonly content: Buffer }[] = [];
  const write = async (writer: number): Promise<void> => {
    for (let file = 0; file < FILES_EACH; file += 1) {
      const assetId = await vendor.asset(true);
      const content = vendor.content(16 + writer * 4_000);
      let attempt = 0;
      await eventually(
        async () => {
          const outcome = await put(assetId, (attempt += 1), content, (writer + file) % 2 === 0);
          if (outcome === 'stored' || outcome === 'ALREADY_CACHED') return void stored.push({ assetId, content });
          refused.set(outcome, (refused.get(outcome) ?? 0) + 1);
          throw new Error(outcome);
        },
        { timeoutMs: 150_000, everyMs: 200 },
      );
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  writing = false;
  await sampled;

  const evictions = (await Promise.all(stored.map(({ assetId }) => cache.eventTypes(assetId)))).filter((types) => types.at(-1) === 'FileEvicted').length;
  process.stdout.write(`${stored.length} files stored, ${evictions} evicted, ${samples} samples; maximum over budget: ${Math.max(0, highest - MAX_BYTES)} bytes of ${MAX_BYTES} (highest ${highest}); refused ${JSON.stringify(Object.fromEntries(refused))}\n`);
  expect(Math.max(0, highest - MAX_BYTES)).toBe(0);
  expect(highest).toBeGreaterThan(MAX_BYTES / 2);
  expect([...refused.keys()].filter((code) => !PASSING.includes(code))).toEqual([]);
  expect([stored.length, evictions > WRITERS]).toEqual([WRITERS * FILES_EACH, true]);
  for (const { assetId, content } of stored) {
    if ((await cache.eventTypes(assetId)).at(-1) !== 'FileCached') continue;
    const { getUrl } = await cache.lease(assetId);
    expect(sha256Of(Buffer.from(await (await fetch(getUrl)).arrayBuffer()))).toBe(sha256Of(content));
  }
  expect(await cache.usage()).toMatchObject({ usedBytes: await cache.bytesOnDisk(), reservedBytes: 0 });
}, 300_000);
