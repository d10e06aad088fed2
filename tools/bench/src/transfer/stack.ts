import { SUBJECTS, type RegisterAssetAnswer, type ResolveAnswer } from '@ferry/contracts';
import { EventStore } from '@ferry/event-store';
import { Messaging } from '@ferry/messaging';
import { createLogger } from '@ferry/observability';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port';
import { startEmbedded, startProgram, type Program } from '../server-under-test';

const OWNER = 'dev';
const ASK_MS = 30_000;
const READY = /"http":"[^"]+".*"msg":"ready"/;

const accounts = (accountId: string): string =>
  JSON.stringify([{ accountId, apiKey: `bench-${accountId}-key`, owners: [OWNER], defaultFor: [OWNER] }]);

/** A video as it stands at the simulated vendor. */
export interface Seeded {
  readonly id: string;
  readonly url: string;
  readonly sizeBytes: number;
}

/** Everything that a transfer needs, each a process of its own: the embedded servers, the simulated vendors and the services. */
export class Stack {
  private constructor(
    readonly store: EventStore,
    readonly messaging: Messaging,
    private readonly controlUrl: string,
    private readonly services: ReadonlyMap<string, Program>,
    private readonly stops: readonly (() => Promise<unknown>)[],
  ) {}

  /** @param cacheBytes what the cache may hold */
  static async start(cacheBytes: number, transferReplicas = 1): Promise<Stack> {
    const folder = await mkdtemp(join(tmpdir(), 'ferry-bench-transfer-'));
    const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true })];
    try {
      const servers = await Promise.all([startEmbedded('nats'), startEmbedded('eventstore'), startEmbedded('mongodb')]);
      servers.forEach((server) => stops.unshift(() => server.stop()));
      const [NATS_URL, EVENTSTORE_URL, MONGODB_URL] = servers.map(({ url }) => url) as [string, string, string];
      const simulator = await startProgram('tools/provider-simulator/src/main.js', ['--data', join(folder, 'vendors')], {}, /^ready .*/);
      stops.unshift(() => simulator.stop());
      const [, pixverse, openai, control] = /pixverse=(\S+) openai=(\S+) control=(\S+)/.exec(simulator.line)!;
      const common = { NATS_URL, EVENTSTORE_URL, MONGODB_URL, HTTP_PORT: '0', LOG_LEVEL: 'info', FERRY_PROVIDERS: 'pixverse,sora' };
      const environments = environmentsOf(pixverse!, openai!, join(folder, 'cache'), cacheBytes, await freePort());
      const services = new Map<string, Program>();
      for (const [name, env] of Object.entries(environments)) {
        const service = await startProgram(`apps/${name}/src/main.js`, [], { ...common, ...env }, READY);
        stops.unshift(() => service.stop());
        services.set(name, service);
      }
      for (let replica = 2; replica <= transferReplicas; replica += 1) {
        const service = await startProgram('apps/transfer/src/main.js', [], common, READY);
        stops.unshift(() => service.stop());
        services.set(`transfer ${replica}`, service);
      }
      const logger = createLogger('bench');
      const store = EventStore.connect({ url: EVENTSTORE_URL, logger });
      const messaging = await Messaging.connect({ url: NATS_URL, name: 'bench', logger });
      stops.unshift(() => Promise.all([messaging.close(), store.close()]));
      return new Stack(store, messaging, control!, services, stops);
    } catch (error) {
      for (const stop of stops) await stop();
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const stop of this.stops) await stop();
  }

  /** Resident memory of each service now, bytes. */
  async memory(): Promise<Map<string, number>> {
    const measured = await Promise.all([...this.services].map(async ([name, { memory }]) => [name, (await memory()) ?? 0] as const));
    return new Map(measured);
  }

  /** Bytes per second that a vendor gives and takes. */
  async limit(bytesPerSecond: number): Promise<void> {
    await this.control('limits', { provider: 'pixverse', bytesPerSecondOut: bytesPerSecond });
    await this.control('limits', { provider: 'openai', bytesPerSecondIn: bytesPerSecond });
  }

  /** A short video with so much free space in its container. */
  seed(freeBytes: number): Promise<Seeded> {
    return this.control('seed', { provider: 'pixverse', kind: 'video', fixture: 'pixverse-harbour.mp4', freeBytes });
  }

  async register(seeded: Pick<Seeded, 'id'>): Promise<string> {
    const asset = { kind: 'video', origin: { providerId: 'pixverse', forms: { id: seeded.id, idType: 'video' } } };
    const { assetId } = await this.messaging.request<RegisterAssetAnswer>(SUBJECTS.catalog.register, { ...command(), admin: true, asset }, { timeoutMs: ASK_MS });
    return assetId;
  }

  resolve(assetId: string, more: object = {}): Promise<ResolveAnswer> {
    return this.messaging.request<ResolveAnswer>(SUBJECTS.transfer.resolve, { ...command(), assetId, providerId: 'sora', ...more }, { timeoutMs: ASK_MS });
  }

  /** Milliseconds from the question until the caller has the reference. */
  async transferred(assetId: string): Promise<number> {
    const started = performance.now();
    const ended = new Promise<void>((resolve) => {
      const listener = this.messaging.subscribe('routes.*.ended', () => {
        listener.close();
        resolve();
      });
    });
    await this.messaging.flush();
    const first = await this.resolve(assetId);
    if (first.status === 'pending') {
      await ended;
      const last = await this.resolve(assetId, { awaiting: first.transferId });
      if (last.status !== 'ready') throw new Error(`the transfer of ${assetId} is ${last.status}`);
    }
    return performance.now() - started;
  }

  private async control<Answer>(path: string, body: object): Promise<Answer> {
    const init = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' }, signal: AbortSignal.timeout(ASK_MS) };
    const response = await fetch(`${this.controlUrl}/${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Answer;
  }
}

export const command = () => ({ owner: OWNER, actor: 'bench', commandId: randomUUID() });

const environmentsOf = (pixverseUrl: string, openaiUrl: string, cacheDir: string, cacheBytes: number, dataPort: number): Record<string, NodeJS.ProcessEnv> => {
  const hosts = { ALLOWED_DOWNLOAD_HOSTS: new URL(pixverseUrl).host, FERRY_DATA_HOSTS: `127.0.0.1:${dataPort}` };
  const cache = { CACHE_DIR: cacheDir, CACHE_MAX_BYTES: String(cacheBytes), CACHE_NODE_ID: 'bench', CACHE_DATA_PORT: String(dataPort), CACHE_URL_SECRET: randomUUID() };
  return {
    'provider-pixverse': { PIXVERSE_BASE_URL: pixverseUrl, PIXVERSE_ACCOUNTS: accounts('pixverse-main'), ...hosts },
    'provider-sora': { SORA_BASE_URL: openaiUrl, SORA_ACCOUNTS: accounts('sora-main'), ...hosts },
    'cache-manager': cache,
    'asset-catalog': {},
    transfer: {},
  };
};
