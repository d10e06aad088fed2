import { SUBJECTS, type AcquireLeaseAnswer, type OpenDownloadAnswer } from '@ferry/contracts';
import { type CacheEvent } from '@ferry/domain/cache/events';
import { downloadIdOf, type FerryError, type RecordedEvent } from '@ferry/kernel';
import { startService, type Service } from '@ferry/testing/servers';
import { eventually, rounds } from '@ferry/testing/specs';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_BYTES, RunningCache, sha256Of } from '../testing/running-cache';
import { serversOf, Vendor } from '../testing/vendor';

const LEASE_MS = 1_000;
const SAMPLE_MS = 10;
/** What a call may end with where the cache is full, begins anew, or does not have the file. */
const PASSING = ['CACHE_FULL', 'CACHE_NOT_READY', 'NOT_CACHED', 'UNEVICTABLE_LIMIT', 'ALREADY_CACHED', 'UNKNOWN_ASSET', 'ASSET_DELETED', 'SERVICE_UNAVAILABLE', 'REQUEST_TIMEOUT'];

type Step =
  | { readonly do: 'put'; readonly isAlive: boolean; readonly freeBytes: number }
  | { readonly do: 'again' | 'read' | 'lease' | 'pin' | 'unpin' | 'releaseLastCopy' | 'delete'; readonly which: number }
  | { readonly do: 'kill' };

const which = fc.nat(30);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('put' as const), isAlive: fc.nat(5).map((one) => one > 0), freeBytes: fc.integer({ min: 16, max: 400_000 }) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('again' as const, 'read' as const, 'lease' as const), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('pin' as const, 'unpin' as const, 'releaseLastCopy' as const, 'delete' as const), which }) },
);

interface Known {
  readonly assetId: string;
  readonly isAlive: boolean;
  readonly content: Buffer;
  attempt: number;
}

interface Leased {
  readonly assetId: string;
  readonly from: number;
  readonly until: number;
}

/** One run: some assets, what was promised about them, and the highest use of the disk that was seen. */
class Run {
  readonly known: Known[] = [];
  readonly leases: Leased[] = [];
  highest = 0;
  private sampling = true;
  private sampled: Promise<void> = Promise.resolve();

  constructor(
    private readonly cache: RunningCache,
    private readonly vendor: Vendor,
    private readonly node: Node,
  ) {}

  begin(): void {
    this.sampled = this.sample();
  }

  async end(): Promise<void> {
    this.sampling = false;
    await this.sampled;
  }

  async step(wanted: Step): Promise<void> {
    try {
      await this.take(wanted);
    } catch (error) {
      const { code } = error as FerryError;
      // The process was killed under a transfer of bytes.
      if (error instanceof TypeError || PASSING.includes(code)) return;
      throw error;
    }
  }

  private async take(wanted: Step): Promise<void> {
    if (wanted.do === 'kill') return this.node.again();
    if (wanted.do === 'put') {
      const known = { assetId: await this.vendor.asset(wanted.isAlive), isAlive: wanted.isAlive, content: this.vendor.content(wanted.freeBytes), attempt: 0 };
      this.known.push(known);
      return this.put(known);
    }
    const known = this.known[wanted.which % Math.max(1, this.known.length)];
    if (!known) return;
    const { assetId } = known;
    if (wanted.do === 'again') return this.put(known);
    if (wanted.do === 'read' || wanted.do === 'lease') return this.read(known, wanted.do === 'lease');
    if (wanted.do === 'delete') return this.cache.deleteAsset(assetId);
    await this.cache.ask(SUBJECTS.cache[wanted.do], { assetId, commandId: randomUUID() });
  }

  private async put(known: Known): Promise<void> {
    const { assetId, content } = known;
    const request = { assetId, downloadId: downloadIdOf(assetId, 1), epoch: 1, attempt: (known.attempt += 1), kind: 'video', sizeBytes: content.length };
    const { putUrl } = await this.cache.ask<OpenDownloadAnswer>(SUBJECTS.cache.open, request);
    const response = await fetch(putUrl, { method: 'PUT', body: new Uint8Array(content) });
    if (response.status >= 300) expect([...PASSING, 'PUT_SUPERSEDED', 'PUT_USED']).toContain(((await response.json()) as { code: string }).code);
    else await response.arrayBuffer();
  }

  private async read({ assetId, content }: Known, keeps: boolean): Promise<void> {
    const asked = Date.now();
    const { leaseId, getUrl } = await this.cache.ask<AcquireLeaseAnswer>(SUBJECTS.cache.acquire, { assetId, holder: randomUUID(), ttlMs: LEASE_MS });
    const from = Date.now();
    const response = await fetch(getUrl);
    if (response.status === 200) expect(sha256Of(Buffer.from(await response.arrayBuffer()))).toBe(sha256Of(content));
    if (keeps) this.leases.push({ assetId, from, until: asked + LEASE_MS });
    else await this.cache.ask(SUBJECTS.cache.release, { leaseId });
  }

  private async sample(): Promise<void> {
    while (this.sampling) {
      const since = performance.now();
      this.highest = Math.max(this.highest, await this.cache.bytesAtOnce());
      await eventually(() => expect(performance.now() - since).toBeGreaterThan(SAMPLE_MS), { everyMs: SAMPLE_MS });
    }
  }
}

/** The cache-manager as a process, which can be killed. */
class Node {
  private service: Service | undefined;
  private starting: Promise<void> = Promise.resolve();

  constructor(private readonly cache: RunningCache) {}

  /** Kills it where it runs, and starts it. */
  again(): Promise<void> {
    this.starting = this.starting.then(async () => {
      await this.service?.stop('SIGKILL');
      this.service = await startService('cache-manager', serversOf(this.cache), { ...this.cache.environment, CACHE_LEASE_SECONDS: String(LEASE_MS / 1_000), HTTP_PORT: '0', LOG_LEVEL: 'info' });
      await eventually(async () => expect((await fetch(`${this.service!.httpUrl}/readyz`)).status).toBe(200));
    });
    return this.starting;
  }

  async stop(): Promise<void> {
    await this.service?.stop();
  }
}

let cache: RunningCache;
let vendor: Vendor;
let node: Node;

beforeAll(async () => {
  cache = await RunningCache.start();
  await cache.shutDown();
  vendor = await Vendor.start(cache);
  node = new Node(cache);
}, 60_000);
afterAll(async () => {
  await node?.stop();
  await vendor?.stop();
  await cache?.stop();
});

/** What its events say must not have happened to an asset. */
const checkStory = ({ assetId, isAlive }: Known, events: readonly RecordedEvent<CacheEvent>[], leases: readonly Leased[]): void => {
  const story = JSON.stringify(events.map(({ type, created, data }) => ({ type, created, data })));
  let pinned = false;
  let released = false;
  for (const { type, data, created } of events) {
    if (type === 'FilePinned') pinned = true;
    if (type === 'FileUnpinned') pinned = false;
    if (type === 'LastCopyReleased') released = true;
    if (type === 'FileEvicted' && (data as { reason: string }).reason !== 'asset-deleted') {
      expect([pinned, isAlive || released, story]).toEqual([false, true, story]);
      const at = Date.parse(created);
      expect([leases.filter((lease) => lease.assetId === assetId && lease.from < at && at < lease.until), story]).toEqual([[], story]);
    }
    if (type === 'FileCached') released = false;
    expect(['FileCorrupted', 'FileMissing']).not.toContain(type);
  }
};

const isCached = (events: readonly RecordedEvent<CacheEvent>[]): boolean =>
  events.filter(({ type }) => type === 'FileCached' || type === 'FileEvicted').at(-1)?.type === 'FileCached';

it('whoever writes, reads, pins, deletes and kills: the budget holds, nothing promised is lost, and events, index and disk agree', async () => {
  const groups = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 20, maxLength: 40 });
  const kills = fc.array(fc.nat(30), { maxLength: 2 });
  await fc.assert(
    fc.asyncProperty(groups, kills, async (steps, killsAt) => {
      await node.again();
      await cache.rested();
      const run = new Run(cache, vendor, node);
      run.begin();
      for (const [at, group] of steps.entries()) await Promise.all([...group, ...(killsAt.includes(at) ? [{ do: 'kill' } as const] : [])].map((one) => run.step(one)));
      await node.again();
      await run.end();
      expect(run.highest).toBeLessThanOrEqual(MAX_BYTES);
      const stories = await Promise.all(run.known.map(async (known) => ({ known, events: await cache.events(known.assetId) })));
      for (const { known, events } of stories) checkStory(known, events, run.leases);
      const there = stories.filter(({ events }) => isCached(events)).map(({ known }) => known.assetId);
      expect((await readdir(join(cache.cacheDir, 'assets'))).sort()).toEqual(there.sort());
      const { usedBytes, reservedBytes, files } = await cache.usage();
      expect([usedBytes, reservedBytes, files, await readdir(join(cache.cacheDir, 'tmp'))]).toEqual([await cache.bytesOnDisk(), 0, there.length, []]);
      for (const { assetId } of run.known) await cache.deleteAsset(assetId);
      await eventually(async () => expect(await readdir(join(cache.cacheDir, 'assets'))).toEqual([]));
    }),
    { numRuns: rounds(3), endOnFailure: true },
  );
}, 4_000_000);
