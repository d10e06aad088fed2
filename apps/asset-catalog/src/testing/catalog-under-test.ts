import { AuthorizeAccountRequest, SUBJECTS, type AssetPage, type AssetView, type HistoryAnswer, type ProviderCapabilities, type RegisterAssetAnswer, type RegisterAssetBody } from '@ferry/contracts';
import { EventStore } from '@ferry/event-store';
import { FerryError, type EventMetadata, type Token } from '@ferry/kernel';
import { Messaging } from '@ferry/messaging';
import { createLogger } from '@ferry/observability';
import { startServers, startService, type Servers, type Service } from '@ferry/testing/servers';
import { eventually } from '@ferry/testing/specs';
import { Allow } from 'class-validator';
import { randomUUID } from 'node:crypto';

const TIMEOUT_MS = 8_000;
const HISTORY_READ_MS = 60_000;

class DescribeRequest {
  @Allow() readonly nothing?: undefined;
}

const capabilities = (providerId: string, more: Partial<ProviderCapabilities> = {}): ProviderCapabilities => ({
  providerId,
  displayName: providerId,
  variants: [],
  nativeUses: {},
  originIdTypes: ['video', 'image'],
  signatureParameters: ['auth_key'],
  safetyMarginSeconds: 60,
  ...more,
});

/** `main` is everybody's own; `pool` is shared; an owner `two` has two accounts and no default. */
const authorize = async ({ owner, accountId }: AuthorizeAccountRequest) => {
  if (accountId === undefined && owner === 'two') throw new FerryError('ACCOUNT_REQUIRED', 'invalid', 'Say which account.');
  if (accountId !== undefined && !['main', 'pool'].includes(accountId)) throw new FerryError('UNKNOWN_ACCOUNT', 'not-found', 'There is no such account.');
  return { accountId: accountId ?? 'main', shared: accountId === 'pool' };
};

/** Answers what an adapter answers: `pixverse`, whose origins are not known to end, and `fleeting`, whose origins end. */
const answerAsAdapters = (bus: Messaging): void => {
  for (const known of [capabilities('pixverse'), capabilities('fleeting', { assumedOriginLifetimeSeconds: 3_600 })]) {
    bus.respond(`providers.${known.providerId}.describe`, DescribeRequest, async () => known);
    bus.respond(`providers.${known.providerId}.accounts.authorize`, AuthorizeAccountRequest, authorize);
  }
};

export const CATALOG_ENV = { FERRY_PROVIDERS: 'pixverse,fleeting,silent' };

/** The catalog in processes of its own, over the three servers, asked as the gateway asks it. */
export class CatalogUnderTest {
  private constructor(
    readonly servers: Servers,
    readonly services: readonly Service[],
    readonly bus: Messaging,
    readonly store: EventStore,
  ) {}

  static async start({ replicas = 1 }: { replicas?: number } = {}): Promise<CatalogUnderTest> {
    const servers = await startServers();
    const logger = createLogger('catalog-spec');
    const bus = await Messaging.connect({ url: servers.urls.NATS_URL, name: 'catalog-spec', logger });
    answerAsAdapters(bus);
    const services = await Promise.all(Array.from({ length: replicas }, () => startService('asset-catalog', servers, CATALOG_ENV)));
    const catalog = new CatalogUnderTest(servers, services, bus, EventStore.connect({ url: servers.urls.EVENTSTORE_URL, logger }));
    await catalog.readHistory();
    return catalog;
  }

  /** An event store that the environment names has a history, which the new read models read first. */
  private async readHistory(): Promise<void> {
    const { assetId, token } = await this.register('first', video());
    await eventually(() => this.get('first', assetId, token), { timeoutMs: HISTORY_READ_MS });
  }

  async stop(): Promise<void> {
    await Promise.all(this.services.map((service) => service.stop()));
    await this.bus.close();
    await this.store.close();
    await this.servers.close();
  }

  ask<Answer>(subject: string, owner: string, data: object = {}): Promise<Answer> {
    return this.bus.request<Answer>(subject, { owner, actor: 'spec', ...data }, { timeoutMs: TIMEOUT_MS });
  }

  register(owner: string, asset: RegisterAssetBody, { commandId = randomUUID(), admin = false }: { commandId?: string; admin?: boolean } = {}): Promise<RegisterAssetAnswer> {
    return this.ask(SUBJECTS.catalog.register, owner, { commandId, admin, asset });
  }

  get(owner: string, assetId: string, atLeast?: Token): Promise<AssetView> {
    return this.ask(SUBJECTS.catalog.get, owner, { assetId, atLeast });
  }

  list(owner: string, more: { limit: number; cursor?: string; atLeast?: Token }): Promise<AssetPage> {
    return this.ask(SUBJECTS.catalog.list, owner, more);
  }

  history(owner: string, assetId: string, more: { at?: string; atLeast?: Token } = {}): Promise<HistoryAnswer> {
    return this.ask(SUBJECTS.catalog.history, owner, { assetId, ...more });
  }

  remove(owner: string, assetId: string): Promise<{ token: Token }> {
    return this.ask(SUBJECTS.catalog.remove, owner, { assetId, commandId: randomUUID() });
  }
}

export const newId = (): string => randomUUID();
export const now = { now: '2026-01-01T00:00:00.000Z' };

export const metadata = (owner: string): EventMetadata => ({ $correlationId: 'spec', $causationId: 'spec', commandId: randomUUID(), actor: 'spec', owner });

/** A video with an id of its own, unless forms are given. */
export const video = (forms: RegisterAssetBody['origin']['forms'] = { id: randomUUID(), idType: 'video' }, more: Partial<RegisterAssetBody> & { origin?: never } = {}): RegisterAssetBody => ({
  kind: 'video',
  origin: { providerId: 'pixverse', forms },
  ...more,
});
