import { SUBJECTS, type CacheUsage, type CheckReferenceAnswer, type HistoryAnswer, type RegisterAssetAnswer, type ResolveAnswer, type ResolveRequest, type TransferView } from '@ferry/contracts';
import { EventStore } from '@ferry/event-store';
import { Messaging } from '@ferry/messaging';
import { createLogger } from '@ferry/observability';
import { startSimulator, type Simulator } from '@ferry/provider-simulator';
import { startProgram, startServers, startService, type Servers, type Service } from '@ferry/testing/servers';
import { eventually, freePort, tempDir } from '@ferry/testing/specs';
import { MongoClient } from 'mongodb';
import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NOBODY } from './download-faults';

export const OWNER = 'dev';
export const FIXTURES = join(__dirname, '../../../../tools/provider-simulator/fixtures');
/** Of the free space in a large video. */
export const LARGE_BYTES = 40_000_000;
const ASK_MS = 30_000;
/** The simulator has much to do: it hashes large files, and serves all rows of a matrix at once. */
const CONTROL_MS = 60_000;
/** A waiter asks again soon: a frozen replica still gets its share of the questions. */
const ASK_AGAIN_MS = 1_500;
const who = { owner: OWNER, actor: 'spec' };

interface Seeded {
  readonly id: string;
  readonly url: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

interface Counts {
  readonly requests: number;
  readonly bytesIn: number;
  readonly uploads: number;
  readonly downloads: number;
  readonly operations: Readonly<Record<string, number>>;
  readonly peaks: Readonly<Record<string, number>>;
  readonly open: number;
}

/** Everything that the transfer service works with, real, and as many replicas of it as a test starts. */
export class Rig {
  private constructor(
    readonly servers: Servers,
    readonly simulator: Simulator,
    readonly messaging: Messaging,
    readonly store: EventStore,
    readonly cacheDir: string,
    private readonly services: Map<string, Service>,
    private readonly environments: Readonly<Record<string, NodeJS.ProcessEnv>>,
    private readonly folder: { remove(): Promise<void> },
  ) {}

  /** @param more variables of the services that run once, by name */
  static async start(more: Readonly<Record<string, NodeJS.ProcessEnv>> = {}): Promise<Rig> {
    const folder = await tempDir('ferry-engine-');
    const [servers, simulator] = await Promise.all([startServers(), startSimulator({ dataDir: join(folder.path, 'simulator') })]);
    const logger = createLogger('spec');
    const messaging = await Messaging.connect({ url: servers.urls.NATS_URL, name: 'spec', logger });
    const store = EventStore.connect({ url: servers.urls.EVENTSTORE_URL, logger });
    const cacheDir = join(folder.path, 'cache');
    const environments = environmentsOf(simulator, cacheDir, String(await freePort()));
    const rig = new Rig(servers, simulator, messaging, store, cacheDir, new Map(), environments, folder);
    await Promise.all(Object.keys(environments).map((name) => rig.startService(name, name, more[name])));
    return rig;
  }

  async startService(name: string, replica = name, more: NodeJS.ProcessEnv = {}): Promise<Service> {
    const service = await startService(name, this.servers, { ...(this.environments[name] ?? TRANSFER_ENV), ...more });
    this.services.set(replica, service);
    return service;
  }

  /** A provider that gives back what was uploaded there, which neither of the others does. */
  async startVault(): Promise<void> {
    const { ALLOWED_DOWNLOAD_HOSTS, FERRY_DATA_HOSTS } = this.environments['provider-sora']!;
    const env = { VAULT_BASE_URL: this.simulator.openaiUrl, VAULT_ACCOUNTS: accounts('vault-main', 'spec-vault-key'), ALLOWED_DOWNLOAD_HOSTS, FERRY_DATA_HOSTS };
    this.services.set('provider-vault', await startProgram('apps/transfer/src/testing/vault.main.ts', this.servers, env));
  }

  service(replica: string): Service {
    return this.services.get(replica)!;
  }

  async close(): Promise<void> {
    await Promise.all([...this.services.values()].map((service) => service.stop()));
    await Promise.all([this.messaging.close(), this.store.close()]);
    await this.simulator.close();
    await this.servers.close();
    await this.folder.remove();
  }

  /** A finished video (or audio) at the vendor. */
  async seed(provider: 'pixverse' | 'openai', kind: 'video' | 'audio' | 'image', fixture: string, freeBytes?: number): Promise<{ id: string; url: string; sha256: string; sizeBytes: number }> {
    return this.control('POST', 'seed', { provider, kind, fixture, freeBytes });
  }

  /** Bytes of any kind as a video at PixVerse; with `freeBytes`, so much free space in the fixture's container instead. */
  async seedVideo(content: { bytes: Buffer; mimeType: string } | { freeBytes: number }): Promise<Seeded> {
    if ('freeBytes' in content) return this.control('POST', 'seed', { provider: 'pixverse', fixture: 'pixverse-harbour.mp4', ...content });
    const init = { method: 'POST', body: new Uint8Array(content.bytes), headers: { 'content-type': content.mimeType }, signal: AbortSignal.timeout(CONTROL_MS) };
    return (await (await fetch(`${this.simulator.controlUrl}/seed?provider=pixverse&kind=video`, init)).json()) as Seeded;
  }

  /** How many calls met each fault that has a name. */
  async faultCalls(): Promise<Readonly<Record<string, number>>> {
    return (await this.control<{ calls: Record<string, number> }>('GET', 'faults')).calls;
  }

  /** What the vendors accepted with this key. */
  async accepted(key: string): Promise<readonly { id: string; sha256: string }[]> {
    const account = createHash('sha256').update(key).digest('hex').slice(0, 16);
    const { objects } = await this.control<{ objects: { id: string; sha256: string; account?: string }[] }>('GET', 'objects');
    return objects.filter((object) => object.account === account);
  }

  async fault(fault: object): Promise<void> {
    await this.control('POST', 'faults', fault);
  }

  async clearFaults(): Promise<void> {
    await this.control('DELETE', 'faults');
  }

  /** Bytes per second that all calls of the vendor share. */
  async limit(provider: 'pixverse' | 'openai', limit: { bytesPerSecondIn?: number; bytesPerSecondOut?: number }): Promise<void> {
    await this.control('POST', 'limits', { provider, ...limit });
  }

  async clearLimits(): Promise<void> {
    await this.control('DELETE', 'limits');
  }

  async counts(provider: 'pixverse' | 'openai'): Promise<Counts> {
    return (await this.control<Record<string, Counts>>('GET', 'counters'))[provider]!;
  }

  /** A video that was born at PixVerse, new in every test. */
  async pixverseVideo(extra: object = {}): Promise<string> {
    const { id } = await this.seed('pixverse', 'video', 'pixverse-harbour.mp4');
    return this.register({ kind: 'video', origin: { providerId: 'pixverse', forms: { id, idType: 'video' } }, ...extra });
  }

  /** A picture that was uploaded to PixVerse, new in every test. */
  async pixverseImage(): Promise<string> {
    const { id, url } = await this.seed('pixverse', 'image', 'fixture.png');
    return this.register({ kind: 'image', origin: { providerId: 'pixverse', forms: { id, idType: 'image', url } } });
  }

  /** The same video with 40 MB of free space in its container: more than the buffers on the way to a slow vendor hold. */
  async largePixverseVideo(change: (head: Buffer) => void = () => undefined, freeBytes = LARGE_BYTES): Promise<string> {
    const head = await readFile(join(FIXTURES, 'pixverse-harbour.mp4'));
    const free = Buffer.alloc(freeBytes);
    free.writeUInt32BE(free.length);
    free.write('free', 4);
    change(head);
    const { id } = await this.seedVideo({ bytes: Buffer.concat([head, free]), mimeType: 'video/mp4' });
    return this.register({ kind: 'video', origin: { providerId: 'pixverse', forms: { id, idType: 'video' } } });
  }

  async register(asset: object): Promise<string> {
    const request = { ...who, commandId: randomUUID(), admin: true, asset };
    const { assetId } = await this.messaging.request<RegisterAssetAnswer>(SUBJECTS.catalog.register, request, { timeoutMs: ASK_MS });
    return assetId;
  }

  resolve(assetId: string, providerId: string, more: Partial<ResolveRequest> = {}, timeoutMs = ASK_MS): Promise<ResolveAnswer> {
    const request = { ...who, commandId: randomUUID(), assetId, providerId, ...more };
    return this.messaging.request<ResolveAnswer>(SUBJECTS.transfer.resolve, request, { timeoutMs });
  }

  /** Resolves, and asks for the outcome until there is one. */
  async resolved(assetId: string, providerId: string, more: Partial<ResolveRequest> = {}): Promise<Extract<ResolveAnswer, { status: 'ready' }>> {
    const first = await this.resolve(assetId, providerId, more);
    return first.status === 'ready' ? first : this.outcome(assetId, providerId, first.transferId);
  }

  /** Throws what the run ended with where it failed. */
  async outcome(assetId: string, providerId: string, transferId: string): Promise<Extract<ResolveAnswer, { status: 'ready' }>> {
    let failure: unknown;
    const ready = await eventually(
      async () => {
        const answer = await this.resolve(assetId, providerId, { awaiting: transferId }, ASK_AGAIN_MS).catch((error: { code: string }) => {
          if (error.code === 'SERVICE_UNAVAILABLE' || error.code === 'REQUEST_TIMEOUT') throw error;
          failure = error;
          return undefined;
        });
        if (answer?.status === 'pending') throw new Error(`${transferId} is still pending`);
        return answer;
      },
      { timeoutMs: 60_000 },
    );
    if (!ready) throw failure;
    return ready as Extract<ResolveAnswer, { status: 'ready' }>;
  }

  check(assetId: string, providerId: string, more: object = {}): Promise<CheckReferenceAnswer> {
    return this.messaging.request<CheckReferenceAnswer>(SUBJECTS.transfer.check, { ...who, commandId: randomUUID(), assetId, providerId, ...more }, { timeoutMs: ASK_MS });
  }

  /** Ids of the files that the vendor has. */
  async openaiFiles(): Promise<string[]> {
    const { objects } = await this.control<{ objects: { provider: string; type: string; id: string }[] }>('GET', 'objects');
    return objects.filter(({ provider, type }) => provider === 'openai' && type === 'file').map(({ id }) => id);
  }

  /** Somebody deletes a file at the vendor. */
  async deleteAtOpenai(fileId: string): Promise<void> {
    const init = { method: 'DELETE', headers: { authorization: 'Bearer spec-sora-key' }, signal: AbortSignal.timeout(ASK_MS) };
    const { status } = await fetch(`${this.simulator.openaiUrl}/files/${fileId}`, init);
    if (status !== 200) throw new Error(`the vendor answered ${status}`);
  }

  cancel(transferId: string): Promise<{ transferId: string; status: string }> {
    return this.messaging.request(SUBJECTS.transfer.cancel, { ...who, commandId: randomUUID(), transferId }, { timeoutMs: ASK_MS });
  }

  cacheUsage(): Promise<CacheUsage> {
    return this.messaging.request<CacheUsage>(SUBJECTS.cache.usage, who, { timeoutMs: ASK_MS });
  }

  deleteAsset(assetId: string): Promise<unknown> {
    return this.messaging.request(SUBJECTS.catalog.remove, { ...who, commandId: randomUUID(), assetId }, { timeoutMs: ASK_MS });
  }

  transfer(transferId: string): Promise<TransferView> {
    return this.messaging.request<TransferView>(SUBJECTS.transfer.get, { ...who, transferId }, { timeoutMs: ASK_MS });
  }

  async types(stream: string): Promise<string[]> {
    return (await this.store.read(stream)).map(({ type }) => type);
  }

  /** Of the queue's newest snapshot; less than any other where there is none. */
  async snapshotPosition(): Promise<string> {
    const client = new MongoClient(this.servers.urls.MONGODB_URL);
    try {
      const db = client.db(client.options.dbName === 'test' ? 'ferry' : client.options.dbName);
      return (await db.collection<{ _id: string; position: string }>('_snapshots').findOne({ _id: 'transfer-open-runs' }))?.position ?? '';
    } finally {
      await client.close();
    }
  }

  history(assetId: string): Promise<HistoryAnswer> {
    return this.messaging.request<HistoryAnswer>(SUBJECTS.catalog.history, { ...who, assetId }, { timeoutMs: ASK_MS });
  }

  private async control<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(`${this.simulator.controlUrl}/${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
      signal: AbortSignal.timeout(CONTROL_MS),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Answer;
  }
}

const TRANSFER_ENV = { FERRY_PROVIDERS: 'pixverse,sora', TRANSFER_BACKOFF_MS: '20', LOG_LEVEL: 'info' };

const accounts = (accountId: string, apiKey: string) => JSON.stringify([{ accountId, apiKey, owners: [OWNER], defaultFor: [OWNER] }]);

/** The second account makes a second route of the same asset and provider. */
const SORA_ACCOUNTS = JSON.stringify([
  { accountId: 'sora-main', apiKey: 'spec-sora-key', owners: [OWNER], defaultFor: [OWNER] },
  { accountId: 'sora-second', apiKey: 'spec-second-key', owners: [OWNER] },
]);

/** Of the services that run once; the transfer service is started by the tests. */
const environmentsOf = ({ pixverseUrl, openaiUrl }: Simulator, cacheDir: string, dataPort: string): Record<string, NodeJS.ProcessEnv> => {
  const vendorHost = new URL(pixverseUrl).host;
  const hosts = { ALLOWED_DOWNLOAD_HOSTS: `${vendorHost},${NOBODY}`, FERRY_DATA_HOSTS: `127.0.0.1:${dataPort}` };
  return {
    'asset-catalog': { FERRY_PROVIDERS: 'pixverse,sora' },
    'cache-manager': {
      FERRY_PROVIDERS: 'pixverse,sora',
      CACHE_DIR: cacheDir,
      CACHE_MAX_BYTES: String(256 * 1024 ** 2),
      CACHE_NODE_ID: 'node-1',
      CACHE_DATA_PORT: dataPort,
      CACHE_URL_SECRET: 'a-secret-for-specs-of-32-characters!',
    },
    'provider-pixverse': { PIXVERSE_BASE_URL: pixverseUrl, PIXVERSE_ACCOUNTS: accounts('pixverse-main', 'spec-pixverse-key'), ...hosts },
    'provider-sora': { SORA_BASE_URL: openaiUrl, SORA_ACCOUNTS: SORA_ACCOUNTS, ...hosts },
  };
};
