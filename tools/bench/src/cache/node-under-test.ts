import { SUBJECTS, type AcquireLeaseAnswer, type OpenDownloadAnswer } from '@ferry/contracts';
import { assetStream, type AssetEvent } from '@ferry/domain/asset/events';
import { EventStore, metadataFor } from '@ferry/event-store';
import { downloadIdOf } from '@ferry/kernel';
import { Messaging } from '@ferry/messaging';
import { createLogger } from '@ferry/observability';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startEmbedded, startProgram, type Program } from '../server-under-test';

export const OWNER = 'bench';
export const NODE_ID = 'bench';
const ASK_MS = 30_000;
const READY_MS = 240_000;
const ASK_EVERY_MS = 20;
const READY = /"http":"[^"]+".*"msg":"ready"/;

export const command = () => ({ owner: OWNER, actor: 'bench', commandId: randomUUID() });

const registered = (assetId: string): AssetEvent => ({
  type: 'AssetRegistered',
  data: { life: 1, origin: { providerId: 'pixverse', accountId: 'main', forms: { id: assetId, idType: 'video' } }, kind: 'audio', capture: 'onDemand' },
});

const statusOf = async (response: Response): Promise<number> => {
  await response.text();
  return response.status;
};

/** A cache-manager with what it needs, each a process of its own, on a folder that goes with it. */
export class NodeUnderTest {
  private service?: Program;

  private constructor(
    readonly folder: string,
    readonly store: EventStore,
    private readonly messaging: Messaging,
    private readonly env: NodeJS.ProcessEnv,
    private readonly stops: readonly (() => Promise<unknown>)[],
  ) {}

  /** The servers; the cache-manager is started with `boot`. */
  static async prepare(cacheBytes: number): Promise<NodeUnderTest> {
    const folder = await mkdtemp(join(tmpdir(), 'ferry-bench-cache-'));
    const [nats, events] = await Promise.all([startEmbedded('nats'), startEmbedded('eventstore')]);
    const logger = createLogger('bench');
    const store = EventStore.connect({ url: events.url, logger });
    const messaging = await Messaging.connect({ url: nats.url, name: 'bench', logger });
    const env = {
      NATS_URL: nats.url,
      EVENTSTORE_URL: events.url,
      HTTP_PORT: '0',
      LOG_LEVEL: 'info',
      FERRY_PROVIDERS: 'pixverse',
      CACHE_DIR: folder,
      CACHE_MAX_BYTES: String(cacheBytes),
      CACHE_NODE_ID: NODE_ID,
      CACHE_URL_SECRET: randomUUID(),
    };
    const stops = [() => messaging.close(), () => store.close(), () => nats.stop(), () => events.stop(), () => rm(folder, { recursive: true })];
    return new NodeUnderTest(folder, store, messaging, env, stops);
  }

  /** Starts the cache-manager and waits until it serves. */
  async boot(): Promise<Program> {
    this.service = await startProgram('apps/cache-manager/src/main.js', [], this.env, READY);
    const url = `${/"http":"([^"]+)"/.exec(this.service.line)![1]}/readyz`;
    const until = performance.now() + READY_MS;
    while ((await fetch(url).then(statusOf)) !== 200) {
      if (performance.now() > until) throw new Error(`the cache-manager is not ready after ${READY_MS} ms`);
      await wait(ASK_EVERY_MS);
    }
    return this.service;
  }

  async shutDown(): Promise<void> {
    await this.service?.stop();
    this.service = undefined;
  }

  async close(): Promise<void> {
    await this.shutDown();
    for (const stop of this.stops) await stop();
  }

  /** A cached sound. @returns where it is read */
  async cached(pieces: AsyncIterable<Buffer>, sizeBytes: number): Promise<{ getUrl: string; path: string }> {
    const assetId = randomUUID();
    await this.store.record<AssetEvent>({ stream: assetStream(assetId), events: [registered(assetId)], metadata: metadataFor(command()) });
    const place = { assetId, downloadId: downloadIdOf(assetId, 1), epoch: 1, attempt: 1, kind: 'audio', sizeBytes };
    const { putUrl } = await this.ask<OpenDownloadAnswer>(SUBJECTS.cache.open, place);
    const init = { method: 'PUT', body: ReadableStream.from(pieces), duplex: 'half', headers: { 'content-length': String(sizeBytes) } };
    const response = await fetch(putUrl, init as unknown as RequestInit);
    if (!response.ok) throw new Error(`PUT: ${response.status} ${await response.text()}`);
    const { getUrl, file } = await this.ask<AcquireLeaseAnswer>(SUBJECTS.cache.acquire, { assetId, holder: 'bench', ttlMs: 60_000 });
    return { getUrl, path: join(this.folder, file.path) };
  }

  private ask<Answer>(subject: string, data: object): Promise<Answer> {
    return this.messaging.request<Answer>(subject, { ...command(), ...data }, { timeoutMs: ASK_MS });
  }
}
