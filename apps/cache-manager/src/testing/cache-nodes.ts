import { CACHE_NODE_BEAT_SUBJECT, cacheNodeSubject, SUBJECTS, type AcquireLeaseAnswer, type CachedFile, type CacheNodeBeat, type CacheNodeCall, type OpenDownloadAnswer } from '@ferry/contracts';
import { assetStream, type AssetEvent } from '@ferry/domain/asset/events';
import { cacheStream, type CacheEvent } from '@ferry/domain/cache/events';
import { EventStore } from '@ferry/event-store';
import { downloadIdOf, type RecordedEvent } from '@ferry/kernel';
import { Messaging } from '@ferry/messaging';
import { createLogger } from '@ferry/observability';
import { eventStoreServer, natsServer, startService, type Service, type TestServer } from '@ferry/testing/servers';
import { eventually, tempDir, type TempDir } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { SECRET } from './running-cache';
import { appendAsset } from './streams';

/** What a spec waits for a node to start, or to be missed. */
export const SLOW = { timeoutMs: 20_000 };

/** Several cache nodes, each a process of its own with its own folder, on one message bus and one event store. */
export class CacheNodes {
  private readonly running = new Map<string, Service>();
  private readonly leaving = new Set<string>();

  private constructor(
    readonly folder: TempDir,
    private readonly nats: TestServer,
    private readonly eventLog: TestServer,
    readonly messaging: Messaging,
    private readonly eventStore: EventStore,
    private readonly maxBytes: number,
  ) {
    messaging.subscribe<CacheNodeBeat>(CACHE_NODE_BEAT_SUBJECT, ({ nodeId, state }) => {
      if (state === 'leaving') this.leaving.add(nodeId);
    });
  }

  static async start(nodeIds: readonly string[], maxBytes = 64 * 1024 * 1024): Promise<CacheNodes> {
    const folder = await tempDir('ferry-cache-nodes-');
    const nats = await natsServer();
    const events = await eventStoreServer(join(folder.path, 'events'));
    const logger = createLogger('spec');
    const messaging = await Messaging.connect({ url: nats.url, name: 'spec', logger });
    const nodes = new CacheNodes(folder, nats, events, messaging, EventStore.connect({ url: events.url, logger }), maxBytes);
    await Promise.all(nodeIds.map((nodeId) => nodes.boot(nodeId)));
    await nodes.know(nodeIds);
    return nodes;
  }

  get urls() {
    return { NATS_URL: this.nats.url, EVENTSTORE_URL: this.eventLog.url, MONGODB_URL: '' };
  }

  async boot(nodeId: string, more: Record<string, string> = {}): Promise<void> {
    this.running.set(nodeId, await startService('cache-manager', this, { ...this.environment(nodeId), ...more }));
    await eventually(async () => expect((await fetch(`${this.process(nodeId).httpUrl}/readyz`)).status).toBe(200), SLOW);
  }

  environment(nodeId: string): Record<string, string> {
    return {
      LOG_LEVEL: 'info',
      FERRY_PROVIDERS: 'pixverse',
      CACHE_DIR: join(this.folder.path, nodeId),
      CACHE_MAX_BYTES: String(this.maxBytes),
      CACHE_NODE_ID: nodeId,
      CACHE_LEASE_SECONDS: '2',
      CACHE_HIGH_WATERMARK: '1',
      CACHE_LOW_WATERMARK: '0.99',
      CACHE_SCRUB_BYTES_PER_SECOND: '0',
      CACHE_URL_SECRET: SECRET,
    };
  }

  process(nodeId: string): Service {
    const service = this.running.get(nodeId);
    if (!service) throw new Error(`${nodeId} does not run`);
    return service;
  }

  /** Whether the node has said good-bye. */
  saidGoodBye(nodeId: string): boolean {
    return this.leaving.has(nodeId);
  }

  async kill(nodeId: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.process(nodeId).stop(signal);
    this.running.delete(nodeId);
  }

  /** Until each of these nodes counts so many as live. */
  async know(nodeIds: readonly string[]): Promise<void> {
    for (const nodeId of nodeIds) {
      await eventually(async () => {
        const text = await (await fetch(`${this.process(nodeId).httpUrl}/metrics`)).text();
        expect(text).toMatch(new RegExp(`^ferry_cache_live_nodes\\{[^}]*\\} ${nodeIds.length}$`, 'm'));
      }, SLOW);
    }
  }

  /** Asks a node to find out whom a request is for, as if the queue group had chosen it. */
  via<A>(nodeId: string, call: CacheNodeCall, data: object): Promise<A> {
    return this.at(nodeId, call, data, true);
  }

  /** Asks a node that is to answer by itself. */
  at<A>(nodeId: string, call: CacheNodeCall, data: object, handOn = false): Promise<A> {
    return this.messaging.request<A>(cacheNodeSubject(nodeId), { call, request: { owner: 'dev', actor: 'service:spec', ...data }, handOn }, { timeoutMs: 8_000 });
  }

  ask<A>(subject: string, data: object): Promise<A> {
    return this.messaging.request<A>(subject, { owner: 'dev', actor: 'service:spec', ...data }, { timeoutMs: 8_000 });
  }

  /** @param expiresAt of its origin */
  async asset(expiresAt?: string): Promise<string> {
    const assetId = randomUUID();
    const origin = { providerId: 'pixverse', accountId: 'main', forms: { id: assetId, idType: 'video' }, ...(expiresAt ? { expiresAt } : {}) };
    const registered: AssetEvent = { type: 'AssetRegistered', data: { life: 1, origin, kind: 'video', capture: 'onDemand' } };
    await appendAsset(this.eventStore, assetStream(assetId), 'dev', [registered]);
    return assetId;
  }

  open(assetId: string, more: OpenOptions = {}): Promise<OpenDownloadAnswer> {
    return this.ask(SUBJECTS.cache.open, openRequest(assetId, more));
  }

  /** A place on this very node, whether it is the asset's home or not. */
  openAt(nodeId: string, assetId: string, more: OpenOptions = {}): Promise<OpenDownloadAnswer> {
    return this.at(nodeId, 'open', openRequest(assetId, more));
  }

  openVia(nodeId: string, assetId: string, more: OpenOptions = {}): Promise<OpenDownloadAnswer> {
    return this.via(nodeId, 'open', openRequest(assetId, more));
  }

  async put(putUrl: string, content: Buffer): Promise<CachedFile> {
    const response = await fetch(putUrl, { method: 'PUT', body: new Uint8Array(content) });
    expect(response.status).toBe(201);
    return (await response.json()) as CachedFile;
  }

  async cached(content: Buffer): Promise<CachedFile> {
    const { putUrl } = await this.open(await this.asset());
    return this.put(putUrl, content);
  }

  async cachedAt(nodeId: string, assetId: string, content: Buffer): Promise<CachedFile> {
    const { putUrl } = await this.openAt(nodeId, assetId);
    return this.put(putUrl, content);
  }

  lease(assetId: string, at?: string, more: object = {}): Promise<AcquireLeaseAnswer> {
    const request = { assetId, holder: 'run-1', ttlMs: 2_000, ...more };
    return at === undefined ? this.ask(SUBJECTS.cache.acquire, request) : this.via(at, 'acquire', request);
  }

  events(assetId: string): Promise<RecordedEvent<CacheEvent>[]> {
    return this.eventStore.read<CacheEvent>(cacheStream(assetId));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.running.keys()].map((nodeId) => this.kill(nodeId)));
    await this.messaging.close();
    await this.eventStore.close();
    await this.eventLog.stop();
    await this.nats.stop();
    await this.folder.remove();
  }
}

interface OpenOptions {
  readonly run?: number;
  readonly attempt?: number;
  readonly sizeBytes?: number;
}

const openRequest = (assetId: string, { run = 1, ...more }: OpenOptions): object => ({ assetId, downloadId: downloadIdOf(assetId, run), epoch: 1, attempt: 1, kind: 'video', ...more });
