import { STEP_BOUNDARIES, type StepBoundary } from '@ferry/observability';
import { cacheStream } from '@ferry/domain/cache/events';
import { downloadDefinition, downloadStream } from '@ferry/domain/download';
import { transferDefinition, transferStream, type TransferEvent } from '@ferry/domain/transfer';
import { eventually } from '@ferry/testing/specs';
import type { Service } from '@ferry/testing/servers';
import fc from 'fast-check';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pauseUntil } from './pause';
import type { Rig } from './rig';
import { count } from './steps';

/** Long enough for a machine that does much else: what is waited for comes, or never does. */
const PATIENT_MS = 150_000;
const ASK_MS = 2_000;
const ASSETS_AT_ONCE = 3;
/** Work that one replica begins: as many downloads may break off with one adapter. */
const AT_ONCE = 3;
const MAX_BATCHES = 12;
const BATCH_MS = 15_000;
const BLOCK_BYTES = 512;

/** Replicas that have more work than they can take at once: some of it comes from the queue. */
export const BUSY = { TRANSFER_WORKERS: String(AT_ONCE), TRANSFER_RESERVED_WORKERS: '0', TRANSFER_ATTEMPTS: '8', TRANSFER_JOB_DEADLINE_MS: '20000' };

/** An asset's targets: both get its bytes from one download. */
const TARGETS = [
  { providerId: 'sora', more: {} },
  { providerId: 'pixverse', more: { use: 'reference' } },
] as const;

export type App = 'transfer' | 'cache-manager' | 'provider-sora' | 'provider-pixverse';

/** Which process stops where: the one vendor gives the bytes, the other one takes them. */
const DOWNLOADS_OF_ADAPTERS: readonly StepBoundary[] = ['provider.download-answered', 'provider.half-received', 'provider.download-stored'];

export const appOf = (boundary: StepBoundary): App => {
  if (boundary.startsWith('transfer.')) return 'transfer';
  if (boundary.startsWith('cache.')) return 'cache-manager';
  return DOWNLOADS_OF_ADAPTERS.includes(boundary) ? 'provider-pixverse' : 'provider-sora';
};

const { eviction: _, ...passed } = STEP_BOUNDARIES;

/** All that cold transfers pass: in a cache that has room nothing is evicted. */
export const ALL_BOUNDARIES: readonly StepBoundary[] = Object.values(passed).flat();

/** In an order that follows from the seed. */
export const shuffled = <T>(items: readonly T[], seed: number): T[] =>
  fc.sample(fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length }), { seed, numRuns: 1 })[0]!;

/** What lost processes may have cost the vendors. */
interface Losses {
  /** Downloads beyond one of each asset; absent: as many as broke off. */
  readonly downloads?: number;
  /** Copies that nobody uses, each of them recorded. */
  readonly orphans: number;
  /** How often one asset's download may have broken off; absent: as often as it is tried. */
  readonly breaksEach?: number;
}

export interface Totals {
  readonly downloads: number;
  readonly uploads: number;
}

export const totals = async (rig: Rig): Promise<Totals> => {
  const [pixverse, openai] = await Promise.all([rig.counts('pixverse'), rig.counts('openai')]);
  return { downloads: pixverse.downloads + openai.downloads, uploads: pixverse.uploads + openai.uploads };
};

interface Route {
  readonly assetId: string;
  readonly routeId: string;
  readonly referenceId: string;
}

/** Cold resolves, and what came of them. */
export class Work {
  private readonly asked: Promise<Route>[] = [];
  private readonly assets: string[] = [];

  private constructor(
    private readonly rig: Rig,
    private readonly before: Totals,
  ) {}

  static async begin(rig: Rig): Promise<Work> {
    return new Work(rig, await totals(rig));
  }

  /** Asks for some assets that nobody has asked for, at two targets each. */
  async add(assets = ASSETS_AT_ONCE): Promise<void> {
    const born = await Promise.all(Array.from({ length: assets }, () => eventually(() => this.rig.pixverseVideo(), { timeoutMs: PATIENT_MS })));
    this.assets.push(...born);
    for (const assetId of born) for (const target of TARGETS) this.asked.push(this.have(assetId, target));
    // Whoever awaits them later hears of a failure.
    void Promise.allSettled(this.asked);
  }

  /** Everybody has a reference. */
  async done(): Promise<void> {
    await Promise.all(this.asked);
  }

  /** Waits for it, no longer than so many milliseconds. */
  async doneWithin(ms: number): Promise<boolean> {
    const state = { done: false };
    void Promise.allSettled(this.asked).then(() => (state.done = true));
    return pauseUntil(() => state.done, ms);
  }

  /** As a client does that wants the reference, whoever dies: it asks until it has it. */
  private have(assetId: string, { providerId, more }: (typeof TARGETS)[number]): Promise<Route> {
    return eventually(
      async () => {
        const answer = await this.rig.resolve(assetId, providerId, more, ASK_MS);
        if (answer.status !== 'ready') throw new Error(`${answer.transferId} is still pending`);
        return { assetId, routeId: answer.routeId, referenceId: answer.reference.referenceId };
      },
      { timeoutMs: PATIENT_MS, everyMs: 250 },
    );
  }

  /** All has ended once, and nothing is left of what was lost. */
  async check({ downloads: mostMore = Infinity, orphans: mostOrphans, breaksEach = Infinity }: Losses): Promise<void> {
    const routes = await Promise.all(this.asked);
    const orphans = await Promise.all(routes.map((route) => this.checkRoute(route)));
    const breaks = await Promise.all(this.assets.map((assetId) => this.checkAsset(assetId)));
    expect(Math.max(...breaks)).toBeLessThanOrEqual(breaksEach);
    await this.checkFolder();
    const after = await totals(this.rig);
    const copies = after.uploads - this.before.uploads - routes.length;
    expect(copies).toBeGreaterThanOrEqual(0);
    expect(copies).toBeLessThanOrEqual(Math.min(mostOrphans, orphans.reduce((sum, of) => sum + of, 0)));
    const downloads = after.downloads - this.before.downloads;
    expect(downloads).toBeGreaterThanOrEqual(this.assets.length);
    // One more only where one broke off, and its stream says so.
    expect(downloads).toBeLessThanOrEqual(this.assets.length + Math.min(mostMore, breaks.reduce((sum, of) => sum + of, 0)));
  }

  /** Answers how many copies are recorded that nobody uses. */
  private async checkRoute({ routeId, referenceId }: Route): Promise<number> {
    const stream = transferStream(routeId);
    const { state } = await this.rig.store.load(transferDefinition, stream);
    const events = (await this.rig.store.read(stream)) as unknown as TransferEvent[];
    const types = events.map(({ type }) => type);
    const story = JSON.stringify(events.map(({ type, data }) => ({ type, ...data })));
    expect([count(types, 'TransferRequested'), count(types, 'TransferCompleted'), count(types, 'ProviderUrlCached'), story]).toEqual([1, 1, 1, story]);
    expect(state).toMatchObject({ run: { status: 'completed', transferId: referenceId }, reference: { referenceId } });
    let holder = 0;
    for (const event of events) {
      if (event.type === 'TransferClaimed') expect(event.data.epoch).toBe((holder += 1));
      if (event.type === 'UploadStarted' || event.type === 'UploadReleased') expect([event.data.epoch, story]).toEqual([holder, story]);
    }
    return state.orphans.length;
  }

  /** Answers how often its download broke off. */
  private async checkAsset(assetId: string): Promise<number> {
    const { state } = await this.rig.store.load(downloadDefinition, downloadStream(assetId));
    // There may be a second run: who looked just before the first one ended asks again, and is told that the file is there.
    expect(state.run).toMatchObject({ status: 'completed' });
    expect((await this.rig.types(cacheStream(assetId))).at(-1)).toBe('FileCached');
    expect(await readdir(join(this.rig.cacheDir, 'assets', assetId))).toHaveLength(1);
    return count(await this.rig.types(downloadStream(assetId)), 'DownloadAttemptFailed');
  }

  /** No file that nobody finished, and the budget counts what is there. */
  private async checkFolder(): Promise<void> {
    await eventually(
      async () => {
        const usage = await this.rig.cacheUsage();
        const left = await readdir(join(this.rig.cacheDir, 'tmp'));
        expect([usage.reservedBytes, usage.usedBytes, left]).toEqual([0, await bytesUnder(this.rig.cacheDir), []]);
      },
      { timeoutMs: PATIENT_MS },
    );
  }
}

/** Allocated bytes of distinct files. */
const bytesUnder = async (folder: string): Promise<number> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const stats = await Promise.all(entries.filter((entry) => entry.isFile() && entry.parentPath !== folder).map((entry) => stat(join(entry.parentPath, entry.name))));
  return [...new Map(stats.map(({ ino, blocks }) => [ino, blocks * BLOCK_BYTES])).values()].reduce((sum, bytes) => sum + bytes, 0);
};

/** Resolves once the process is gone. */
const watched = (service: Service): { gone: boolean } => {
  const state = { gone: false };
  void service.exited.then(() => (state.gone = true));
  return state;
};

/** Gives work out until the processes are gone that stop at these boundaries. */
const untilGone = async (work: Work, victims: readonly { readonly gone: boolean }[], names: readonly StepBoundary[]): Promise<void> => {
  for (let batch = 0; victims.some(({ gone }) => !gone); batch += 1) {
    if (batch === MAX_BATCHES) throw new Error(`Nothing passed ${names.filter((_, at) => !victims[at]!.gone).join(', ')}.`);
    await work.add();
    await pauseUntil(() => victims.every(({ gone }) => gone), BATCH_MS);
  }
};

/** Processes that stop at these boundaries beside one that does not: it goes on with what they leave. */
export const killBeside = async (rig: Rig, names: readonly StepBoundary[], how: string): Promise<void> => {
  const work = await Work.begin(rig);
  const victims = await Promise.all(names.map(async (name) => watched(await rig.startService(appOf(name), `stops at ${name}`, { ...BUSY, FERRY_STOP_AT: `${name}:${how}` }))));
  await untilGone(work, victims, names);
  await work.done();
  const adapters = names.filter((name) => appOf(name) !== 'transfer').length;
  await work.check({ downloads: names.length - adapters + adapters * AT_ONCE, orphans: adapters });
};

/** The only process of its kind, again and again: each one stops at the next boundary, the last one at none. */
export const killInTurn = async (rig: Rig, names: readonly StepBoundary[], how: string): Promise<void> => {
  const app = appOf(names[0]!);
  const work = await Work.begin(rig);
  await rig.service(app).stop();
  for (const name of names) {
    const victim = watched(await rig.startService(app, app, { FERRY_STOP_AT: `${name}:${how}` }));
    await untilGone(work, [victim], [name]);
  }
  await rig.startService(app);
  await work.done();
  // With the only cache all that is under way breaks off, also what had waited for a permit beside what works; each of it once.
  await work.check({ orphans: 0, breaksEach: names.length });
};

/** A process stands still at the boundary, longer than a take-over takes, beside one that does not; then it goes on where it was. */
export const freezeBeside = async (rig: Rig, name: StepBoundary, frozenMs: number): Promise<void> => {
  const work = await Work.begin(rig);
  const victim = await rig.startService(appOf(name), `stops at ${name}`, { ...BUSY, FERRY_STOP_AT: `${name}:freeze` });
  const isFrozen = (): boolean => victim.output().includes(`SIGSTOP at ${name}`);
  try {
    for (let batch = 0; !isFrozen(); batch += 1) {
      if (batch === MAX_BATCHES) throw new Error(`Nothing passed ${name}.`);
      await work.add();
      await pauseUntil(isFrozen, BATCH_MS);
    }
    await work.doneWithin(frozenMs);
  } finally {
    process.kill(victim.pid, 'SIGCONT');
  }
  await eventually(async () => expect((await fetch(`${victim.httpUrl}/readyz`, { signal: AbortSignal.timeout(ASK_MS) })).status).toBe(200), { timeoutMs: PATIENT_MS });
  await work.done();
  // What it had begun has ended at the vendors.
  await eventually(async () => expect((await Promise.all([rig.counts('pixverse'), rig.counts('openai')])).map(({ open }) => open)).toEqual([0, 0]), { timeoutMs: PATIENT_MS });
  await victim.stop();
  await work.check({ downloads: 1, orphans: 0 });
};
