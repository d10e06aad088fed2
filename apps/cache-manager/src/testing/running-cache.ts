import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { SUBJECTS, type AcquireLeaseAnswer, type CachedFile, type CacheUsage, type OpenDownloadAnswer } from '@ferry/contracts';
import { assetStream, type AssetEvent } from '@ferry/domain/asset/events';
import { accessStream, cacheStream, type AccessEvent, type CacheEvent } from '@ferry/domain/cache/events';
import { EventStore } from '@ferry/event-store';
import { downloadIdOf, type RecordedEvent } from '@ferry/kernel';
import { Messaging } from '@ferry/messaging';
import { createLogger, metrics } from '@ferry/observability';
import { bootstrapService } from '@ferry/service-host';
import { eventStoreServer, natsServer, type TestServer } from '@ferry/testing/servers';
import { eventually, tempDir, type TempDir } from '@ferry/testing/specs';
import { absentIfMissing } from '../disk/disk-errors';
import { CacheManagerModule } from '../cache-manager.module';
import { appendAsset } from './streams';

export const NODE_ID = 'node-1';
export const MAX_BYTES = 3 * 1024 * 1024;
export const SECRET = 'first-secret-of-at-least-32-characters';
/** After a start nothing is evicted for so long. */
const LEASE_SECONDS = 2;
const FIXTURES = join(__dirname, '../../../../tools/provider-simulator/fixtures');

export const fixture = (name: string): Promise<Buffer> => readFile(join(FIXTURES, name));
export const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

export interface OpenOptions {
  readonly owner?: string;
  readonly run?: number;
  readonly epoch?: number;
  readonly attempt?: number;
  readonly filename?: string;
  readonly kind?: string;
  readonly sizeBytes?: number;
  readonly sha256?: string;
}

/** A cache-manager in this process, on a real event store and a real message bus. */
export class RunningCache {
  private app?: INestApplication;

  private constructor(
    readonly folder: TempDir,
    private readonly nats: TestServer,
    private readonly eventLog: TestServer,
    readonly messaging: Messaging,
    readonly eventStore: EventStore,
  ) {}

  static async start(): Promise<RunningCache> {
    const folder = await tempDir('ferry-cache-');
    const nats = await natsServer();
    const events = await eventStoreServer(join(folder.path, 'events'));
    const logger = createLogger('spec');
    const messaging = await Messaging.connect({ url: nats.url, name: 'spec', logger });
    const eventStore = EventStore.connect({ url: events.url, logger });
    const cache = new RunningCache(folder, nats, events, messaging, eventStore);
    await cache.boot();
    await cache.rested();
    return cache;
  }

  get cacheDir(): string {
    return join(this.folder.path, 'cache');
  }

  get environment(): Record<string, string> {
    return {
      NATS_URL: this.nats.url,
      EVENTSTORE_URL: this.eventLog.url,
      LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'silent',
      FERRY_PROVIDERS: 'pixverse',
      CACHE_DIR: this.cacheDir,
      CACHE_MAX_BYTES: String(MAX_BYTES),
      CACHE_MIN_FREE_BYTES: '0',
      CACHE_NODE_ID: NODE_ID,
      CACHE_LEASE_SECONDS: String(LEASE_SECONDS),
      CACHE_URL_SECRET: `${SECRET},another-secret-of-at-least-32-characters`,
    };
  }

  async boot(more: NodeJS.ProcessEnv = {}): Promise<void> {
    Object.assign(process.env, { CACHE_HIGH_WATERMARK: '0.999', CACHE_LOW_WATERMARK: '0.99', CACHE_SCRUB_BYTES_PER_SECOND: '0' }, this.environment, more);
    // The registry is one per process, and this process starts the service more than once.
    metrics.clear();
    this.app = await bootstrapService(CacheManagerModule, { name: 'cache-manager' });
    await eventually(async () => expect(await this.readyz()).toBe(200));
  }

  /** Until it may evict. */
  async rested(): Promise<void> {
    const since = performance.now();
    await eventually(() => expect(performance.now() - since).toBeGreaterThan(LEASE_SECONDS * 1_000));
  }

  async readyz(): Promise<number> {
    return (await fetch(`${await this.app!.getUrl()}/readyz`)).status;
  }

  async metrics(): Promise<string> {
    return (await fetch(`${await this.app!.getUrl()}/metrics`)).text();
  }

  async shutDown(): Promise<void> {
    await this.app?.close();
    this.app = undefined;
  }

  async stop(): Promise<void> {
    await this.shutDown();
    await this.messaging.close();
    await this.eventStore.close();
    await this.eventLog.stop();
    await this.nats.stop();
    await this.folder.remove();
  }

  async append(stream: string, owner: string, ...events: AssetEvent[]): Promise<void> {
    await appendAsset(this.eventStore, stream, owner, events);
  }

  /** An asset of the owner, registered. */
  async asset(owner = 'dev'): Promise<string> {
    const assetId = randomUUID();
    const origin = { providerId: 'pixverse', accountId: 'main', forms: { id: assetId, idType: 'video' } };
    await this.append(assetStream(assetId), owner, { type: 'AssetRegistered', data: { life: 1, origin, kind: 'video', capture: 'onDemand' } });
    return assetId;
  }

  deleteAsset(assetId: string, owner = 'dev'): Promise<void> {
    return this.append(assetStream(assetId), owner, { type: 'AssetDeleted', data: {} });
  }

  ask<A>(subject: string, data: object): Promise<A> {
    return this.messaging.request<A>(subject, { owner: 'dev', actor: 'service:spec', ...data }, { timeoutMs: 5_000 });
  }

  open(assetId: string, { run = 1, ...options }: OpenOptions = {}): Promise<OpenDownloadAnswer> {
    return this.ask(SUBJECTS.cache.open, { assetId, downloadId: downloadIdOf(assetId, run), epoch: 1, attempt: 1, kind: 'video', ...options });
  }

  lease(assetId: string, owner = 'dev', holder = 'run-1'): Promise<AcquireLeaseAnswer> {
    return this.ask(SUBJECTS.cache.acquire, { assetId, owner, holder, ttlMs: 10_000 });
  }

  usage(): Promise<CacheUsage> {
    return this.ask(SUBJECTS.cache.usage, {});
  }

  /** Brings an asset in as an adapter does. */
  async cached(content: Buffer, options: OpenOptions = {}): Promise<CachedFile> {
    const assetId = await this.asset(options.owner);
    const { putUrl } = await this.open(assetId, options);
    const response = await fetch(putUrl, { method: 'PUT', body: new Uint8Array(content) });
    expect(response.status).toBe(201);
    return (await response.json()) as CachedFile;
  }

  events(assetId: string): Promise<RecordedEvent<CacheEvent>[]> {
    return this.eventStore.read<CacheEvent>(cacheStream(assetId));
  }

  async eventTypes(assetId: string): Promise<string[]> {
    return (await this.events(assetId)).map(({ type }) => type);
  }

  accesses(): Promise<RecordedEvent<AccessEvent>[]> {
    return this.eventStore.read<AccessEvent>(accessStream(NODE_ID));
  }

  temporaryFiles(): Promise<string[]> {
    return readdir(join(this.cacheDir, 'tmp'));
  }

  /** Allocated bytes of the distinct files below assets, blobs and tmp. */
  async bytesOnDisk(): Promise<number> {
    return sum((await this.inodes()).values());
  }

  /**
   * What the files surely took together at one moment while others change them: those that a second look finds as well. A single
   * look would count what went during it beside what came.
   */
  async bytesAtOnce(): Promise<number> {
    const [first, second] = [await this.inodes(), await this.inodes()];
    return sum([...first].map(([file, bytes]) => Math.min(bytes, second.get(file) ?? 0)));
  }

  /** A number may be used again for another file. */
  private async inodes(): Promise<Map<string, number>> {
    const inodes = new Map<string, number>();
    const count = async (path: string): Promise<void> => {
      const stats = await stat(path).catch(absentIfMissing);
      if (stats?.isFile()) inodes.set(`${stats.ino} ${stats.birthtimeMs}`, stats.blocks * 512);
      else if (stats) for (const name of (await readdir(path).catch(absentIfMissing)) ?? []) await count(join(path, name));
    };
    for (const name of ['assets', 'blobs', 'tmp']) await count(join(this.cacheDir, name));
    return inodes;
  }
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((all, one) => all + one, 0);

export const problemOf = async (response: Response): Promise<{ status: number; code: string; type: string | null }> => {
  const { code, status } = (await response.json()) as { code: string; status: number };
  expect(status).toBe(response.status);
  return { status, code, type: response.headers.get('content-type') };
};

export const problem = (status: number, code: string) => ({ status, code, type: 'application/problem+json' });
