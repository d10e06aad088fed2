import { SUBJECTS, type RegisterAssetAnswer } from '@ferry/contracts';
import { assetStream } from '@ferry/domain/asset/events';
import { ACCESS_CATEGORY, accessStream, CACHE_CATEGORY, cacheStream, type AccessEvent, type CacheEvent } from '@ferry/domain/cache/events';
import { TRANSFER_CATEGORY, transferStream, type TransferEvent } from '@ferry/domain/transfer/events';
import { routeIdOf, transferIdOf, type Command, type DomainEvent, type StreamDefinition, type Token } from '@ferry/kernel';
import { itWithOwn } from '@ferry/testing/servers';
import { eventually } from '@ferry/testing/specs';
import { CatalogUnderTest, metadata, newId, now, video } from '../testing/catalog-under-test';

/** Owners of this run whose lists are looked at: a server that the environment names holds the assets of earlier runs. */
const [DELETER, LISTER, REBUILDER, PATIENT] = ['deleter', 'lister', 'rebuilder', 'patient'].map((name) => `${name}-${newId()}`) as [string, string, string, string];

let catalog: CatalogUnderTest;
beforeAll(async () => {
  catalog = await CatalogUnderTest.start();
});
afterAll(() => catalog?.stop());

/** Other services' events, without their decisions. */
const appended = async <E extends DomainEvent>(category: string, owner: string, stream: string, ...events: E[]): Promise<Token> => {
  const definition: StreamDefinition<null, Command, E> = { category, eventTypes: [], decider: { initialState: () => null, evolve: () => null, decide: () => events } };
  const recording = { ...definition, eventTypes: [...(await catalog.store.read<E>(stream)).map(({ type }) => type)] };
  const { token } = await catalog.store.handle({ definition: recording, stream, command: { type: 'Record', data: {}, metadata: now }, metadata: metadata(owner) });
  return token;
};
const cached = (assetId: string, owner = 'ann', nodeId = 'node-1', sha256 = 'a'.repeat(64)) =>
  appended<CacheEvent>(CACHE_CATEGORY, owner, cacheStream(assetId), {
    type: 'FileCached',
    data: { nodeId, personal: { path: `assets/${assetId}/${nodeId}.mp4` }, sizeBytes: 9, sha256, mimeType: 'video/mp4', kind: 'video', width: 4, height: 3, durationSeconds: 1.5 },
  });

/** A route whose first run made a reference. */
const referenced = async (assetId: string, { owner = 'ann', expiresAt, variant = 'file' }: { owner?: string; expiresAt?: string; variant?: string } = {}) => {
  const route = { assetId, providerId: 'sora', accountId: 'main', variant };
  const routeId = routeIdOf(route);
  const transferId = transferIdOf(routeId, 1);
  const token = await appended<TransferEvent>(
    TRANSFER_CATEGORY,
    owner,
    transferStream(routeId),
    { type: 'TransferRequested', data: { transferId, ...route, reason: 'resolve', priority: 'resolve' } },
    { type: 'TransferClaimed', data: { transferId, workerId: 'w', epoch: 1 } },
    { type: 'UploadCompleted', data: { transferId, attempt: 1 } },
    { type: 'ProviderUrlCached', data: { transferId, referenceId: transferId, forms: { id: 'file-1', idType: 'file' }, ...(expiresAt && { expiresAt }) } },
    { type: 'TransferCompleted', data: { transferId, completedAt: now.now } },
  );
  return { token, transferId, routeId };
};

const registered = (owner = 'ann'): Promise<RegisterAssetAnswer> => catalog.register(owner, video(undefined, { personal: { filename: 'cat.mp4', prompt: 'a secret' } }));

const readiness = async (): Promise<unknown> => (await fetch(`${catalog.services[0]!.httpUrl}/readyz`)).json();

describe('an asset', () => {
  it('is shown with its facts, to the one who has just registered it, also without a token', async () => {
    const { assetId, token } = await registered();
    const expected = { assetId, owner: 'ann', status: 'registered', kind: 'video', capture: 'onDemand', filename: 'cat.mp4', providerUrls: [] };
    expect(await catalog.get('ann', assetId)).toMatchObject(expected);
    const shown = await catalog.get('ann', assetId, token);
    expect(shown).toMatchObject(expected);
    expect(JSON.stringify(shown)).not.toContain('a secret');
  });

  it('of another owner is answered exactly as one that does not exist', async () => {
    const { assetId } = await registered('bob');
    const nowhere = newId();
    const answer = (id: string) => catalog.get('ann', id).catch((error: { toJSON(): object }) => JSON.stringify(error).replaceAll(id, 'ID'));
    expect(await answer(assetId)).toBe(await answer(nowhere));
    for (const unknown of [assetId, nowhere]) {
      await expect(catalog.get('ann', unknown)).rejects.toMatchObject({ code: 'UNKNOWN_ASSET', category: 'not-found' });
      await expect(catalog.history('ann', unknown)).rejects.toMatchObject({ code: 'UNKNOWN_ASSET' });
      await expect(catalog.remove('ann', unknown)).rejects.toMatchObject({ code: 'UNKNOWN_ASSET' });
    }
    expect((await catalog.get('bob', assetId)).status).toBe('registered');
  });

  it('that is deleted says so, and leaves the list', async () => {
    const { assetId } = await registered(DELETER);
    const first = await catalog.remove(DELETER, assetId);
    expect(await catalog.remove(DELETER, assetId)).toEqual(first);
    expect((await catalog.get(DELETER, assetId, first.token)).status).toBe('deleted');
    expect((await catalog.list(DELETER, { limit: 10 })).items).toEqual([]);
  });

  it('has its content verified by the first cached file, and by that alone', async () => {
    const { assetId } = await registered();
    await cached(assetId);
    const view = await eventually(async () => {
      const found = await catalog.get('ann', assetId);
      expect(found.status).toBe('verified');
      return found;
    });
    expect(view.content).toEqual({ sha256: 'a'.repeat(64), sizeBytes: 9, mimeType: 'video/mp4', width: 4, height: 3, durationSeconds: 1.5 });
    const [file] = await catalog.store.read(cacheStream(assetId));
    const verified = (await catalog.store.read(assetStream(assetId)))[1]!;
    expect(verified).toMatchObject({
      type: 'AssetContentVerified',
      metadata: { owner: 'ann', actor: 'service:asset-catalog', commandId: `reaction:asset-catalog:${file!.id}`, $causationId: file!.id, $correlationId: 'spec' },
    });
    const { assetId: next } = await registered();
    await cached(assetId, 'ann', 'node-2', 'b'.repeat(64));
    await cached(next);
    await eventually(async () => expect((await catalog.get('ann', next)).status).toBe('verified'));
    expect(await catalog.store.read(assetStream(assetId))).toHaveLength(2);
  });

  it('shows where its file is, and no longer after it is gone', async () => {
    const { assetId } = await registered();
    expect(await catalog.get('ann', assetId, await cached(assetId))).toMatchObject({ localPath: `assets/${assetId}/node-1.mp4` });
    const gone = await appended<CacheEvent>(CACHE_CATEGORY, 'ann', cacheStream(assetId), { type: 'FileEvicted', data: { nodeId: 'node-1', reason: 'space', freedBytes: 9 } });
    expect(await catalog.get('ann', assetId, gone)).not.toHaveProperty('localPath');
  });

  it('shows its references while they live', async () => {
    const { assetId } = await registered();
    const { transferId, routeId, token } = await referenced(assetId);
    await referenced(assetId, { variant: 'character', expiresAt: '2020-01-01T00:00:00.000Z' });
    const { token: last } = await referenced(assetId, { variant: 'mask', expiresAt: '2999-01-01T00:00:00.000Z' });
    const { providerUrls } = await catalog.get('ann', assetId, last);
    expect(token.position < last.position).toBe(true);
    expect(providerUrls.map(({ variant }) => variant).sort()).toEqual(['file', 'mask']);
    expect(providerUrls).toContainEqual({ referenceId: transferId, providerId: 'sora', accountId: 'main', variant: 'file', forms: { id: 'file-1', idType: 'file' } });
    const older = await appended<TransferEvent>(TRANSFER_CATEGORY, 'ann', transferStream(routeId), { type: 'ProviderUrlInvalidated', data: { referenceId: `${routeId}-9`, reason: 'gone', reportedBy: 'spec' } });
    expect((await catalog.get('ann', assetId, older)).providerUrls).toHaveLength(2);
    const gone = await appended<TransferEvent>(TRANSFER_CATEGORY, 'ann', transferStream(routeId), { type: 'ProviderUrlInvalidated', data: { referenceId: transferId, reason: 'gone', reportedBy: 'spec' } });
    expect((await catalog.get('ann', assetId, gone)).providerUrls.map(({ variant }) => variant)).toEqual(['mask']);
  });

  it('shows when it was last accessed, though one event tells it of many', async () => {
    const many = await Promise.all(Array.from({ length: 40 }, () => registered()));
    const assetIds = many.map(({ assetId }) => assetId);
    const at = (minute: string, ids: string[]) => appended<AccessEvent>(ACCESS_CATEGORY, 'ferry', accessStream('node-1'), { type: 'FilesAccessed', data: { minute, assetIds: ids } });
    await at('2026-01-01T00:05:00.000Z', assetIds);
    const token = await at('2026-01-01T00:02:00.000Z', assetIds.slice(0, 1));
    for (const assetId of [assetIds[0]!, assetIds[39]!]) {
      expect((await catalog.get('ann', assetId, token)).lastAccessedAt).toBe('2026-01-01T00:05:00.000Z');
    }
  });

  it('is not shown before a position that is still to come', async () => {
    const { assetId, token } = await registered();
    const future = { ...token, position: '9'.repeat(20) };
    await expect(catalog.get('ann', assetId, future)).rejects.toMatchObject({ code: 'NOT_YET_VISIBLE', category: 'unavailable' });
  });
});

describe('the list', () => {
  it('gives every asset of the owner once, the newest first, page by page', async () => {
    const ids: string[] = [];
    let last: RegisterAssetAnswer | undefined;
    for (let made = 0; made < 5; made += 1) ids.unshift((last = await registered(LISTER)).assetId);
    await registered('other');
    const first = await catalog.list(LISTER, { limit: 2, atLeast: last!.token });
    const second = await catalog.list(LISTER, { limit: 2, cursor: first.nextCursor! });
    const third = await catalog.list(LISTER, { limit: 2, cursor: second.nextCursor! });
    expect(third.nextCursor).toBeUndefined();
    expect([first, second, third].flatMap(({ items }) => items.map(({ assetId }) => assetId))).toEqual(ids);
  });

  it('refuses a cursor that is none and a limit that is too large', async () => {
    await expect(catalog.list('ann', { limit: 2, cursor: '{"$gt":""}' })).rejects.toMatchObject({ code: 'INVALID_CURSOR', category: 'invalid' });
    await expect(catalog.list('ann', { limit: 201 })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });
});

describe('the history', () => {
  it('tells the events of all streams of the asset in their order, without links and personal data', async () => {
    const { assetId } = await registered();
    await cached(assetId);
    await eventually(async () => expect(await catalog.store.read(assetStream(assetId))).toHaveLength(2));
    const { token } = await referenced(assetId);
    await catalog.remove('ann', assetId);
    const { events } = await catalog.history('ann', assetId, { atLeast: token });
    expect(events.map(({ type }) => type)).toEqual([
      'AssetRegistered',
      'FileCached',
      'AssetContentVerified',
      'TransferRequested',
      'TransferClaimed',
      'UploadCompleted',
      'ProviderUrlCached',
      'TransferCompleted',
      'AssetDeleted',
    ]);
    expect(events.map(({ position }) => position)).toEqual(events.map(({ position }) => position).sort());
    expect(events[0]).toMatchObject({ stream: assetStream(assetId), revision: 0, actor: 'spec', data: { kind: 'video', origin: { providerId: 'pixverse' } } });
    expect(JSON.stringify(events)).not.toMatch(/forms|personal|secret|cat\.mp4|file-1/);
  });

  it('stops at a moment', async () => {
    const { assetId } = await registered();
    await cached(assetId);
    const all = await eventually(async () => {
      const { events } = await catalog.history('ann', assetId);
      expect(events).toHaveLength(3);
      return events;
    });
    const { events } = await catalog.history('ann', assetId, { at: all[0]!.at });
    expect(events).toEqual(all.filter(({ at }) => at <= all[0]!.at));
    expect((await catalog.history('ann', assetId, { at: '2000-01-01T00:00:00Z' })).events).toEqual([]);
    await expect(catalog.history('ann', assetId, { at: 'yesterday' })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });
});

describe('the read models', () => {
  it('are the same after they were dropped', async () => {
    const { assetId } = await registered(REBUILDER);
    await cached(assetId, REBUILDER);
    const { token } = await referenced(assetId, { owner: REBUILDER });
    await eventually(async () => expect((await catalog.get(REBUILDER, assetId, token)).status).toBe('verified'));
    const before = [await catalog.list(REBUILDER, { limit: 10 }), await catalog.list(LISTER, { limit: 10 })];
    await catalog.bus.request(SUBJECTS.catalog.rebuild, { owner: REBUILDER, actor: 'spec' }, { timeoutMs: 20_000 });
    expect([await catalog.list(REBUILDER, { limit: 10 }), await catalog.list(LISTER, { limit: 10 })]).toEqual(before);
  });

  itWithOwn('EVENTSTORE_URL', 'follow the events again after the event store was away', async () => {
    await registered('away');
    await catalog.servers.restartEventStore();
    const { token } = await eventually(() => registered('away'));
    const { items } = await eventually(() => catalog.list('away', { limit: 10, atLeast: token }));
    expect(items.length).toBeGreaterThanOrEqual(2);
    await eventually(async () => expect(await readiness()).toMatchObject({ ok: true }));
  });

  itWithOwn('MONGODB_URL', 'are missed by name while MongoDB is away, and registrations are not', async () => {
    const before = await registered(PATIENT);
    const bringBack = await catalog.servers.stop('MONGODB_URL');
    await expect(catalog.list(PATIENT, { limit: 10 })).rejects.toMatchObject({ code: 'READ_MODELS_UNAVAILABLE', category: 'unavailable' });
    const { token } = await registered(PATIENT);
    expect(await readiness()).toMatchObject({ ok: false, checks: { mongodb: expect.stringContaining('not reachable') } });
    await bringBack();
    const { items } = await eventually(() => catalog.list(PATIENT, { limit: 10, atLeast: token }), { timeoutMs: 20_000 });
    expect(items).toHaveLength(2);
    expect(items[1]!.assetId).toBe(before.assetId);
  });
});
