import { SUBJECTS, type LineageCommandAnswer, type LineageGraph, type ParentLinkDto } from '@ferry/contracts';
import { ASSET_CATEGORY, assetStream, type AssetEvent } from '@ferry/domain/asset/events';
import { lineageDefinition, lineageStream } from '@ferry/domain/lineage';
import { EventStore } from '@ferry/event-store';
import type { Command, ParentLink, StreamDefinition, Token } from '@ferry/kernel';
import { Messaging } from '@ferry/messaging';
import { createLogger } from '@ferry/observability';
import { itWithOwn, startServers, startService, type Servers, type Service } from '@ferry/testing/servers';
import { eventually } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';

const TIMEOUT_MS = 5_000;
const HISTORY_READ_MS = 60_000;
let servers: Servers;
let service: Service;
let bus: Messaging;
let store: EventStore;

beforeAll(async () => {
  servers = await startServers();
  const logger = createLogger('lineage-spec');
  store = EventStore.connect({ url: servers.urls.EVENTSTORE_URL, logger });
  bus = await Messaging.connect({ url: servers.urls.NATS_URL, name: 'lineage-spec', logger });
  service = await startService('lineage', servers);
  // An event store that the environment names has a history, which the new read models read first.
  const { assetId, token } = await registered('first');
  await eventually(() => graph('first', assetId, 'both', 1, token), { timeoutMs: HISTORY_READ_MS });
});

afterAll(async () => {
  await service?.stop();
  await bus?.close();
  await store?.close();
  await servers?.close();
});

const metadata = (owner: string) => ({ $correlationId: 'spec', $causationId: 'spec', commandId: randomUUID(), actor: 'spec', owner });
const now = { now: '2026-01-01T00:00:00.000Z' };

/** The catalog's own event, without its decisions. */
type Record = Command<'Record', { readonly parents?: readonly ParentLink[] }>;
const recording: StreamDefinition<null, Record, Extract<AssetEvent, { type: 'AssetRegistered' }>> = {
  category: ASSET_CATEGORY,
  eventTypes: ['AssetRegistered'],
  decider: {
    initialState: () => null,
    evolve: () => null,
    decide: ({ data: { parents } }) => {
      const origin = { providerId: 'pixverse', accountId: 'main', forms: { id: '1', idType: 'video' } };
      return [{ type: 'AssetRegistered', data: { life: 1, origin, kind: 'video', capture: 'onDemand', ...(parents && { parents }) } }];
    },
  },
};

const registered = async (owner: string, parents?: ParentLink[]): Promise<{ assetId: string; token: Token }> => {
  const assetId = randomUUID();
  const command: Record = { type: 'Record', data: { ...(parents && { parents }) }, metadata: now };
  const { token } = await store.handle({ definition: recording, stream: assetStream(assetId), command, metadata: metadata(owner) });
  return { assetId, token };
};
const asset = async (owner: string): Promise<string> => (await registered(owner)).assetId;

const parentOf = (parentAssetId: string, more: Partial<ParentLinkDto> = {}): ParentLinkDto => ({
  parentAssetId,
  relationType: 'source',
  operationType: 'image-to-video',
  ...more,
});

const ask = <A>(subject: string, owner: string, data: object) => bus.request<A>(subject, { owner, actor: 'spec', ...data }, { timeoutMs: TIMEOUT_MS });
const link = (owner: string, assetId: string, parent: ParentLinkDto, commandId: string = randomUUID()) =>
  ask<LineageCommandAnswer>(SUBJECTS.lineage.link, owner, { commandId, assetId, parent });
const unlink = (owner: string, assetId: string, parentAssetId: string) =>
  ask<LineageCommandAnswer>(SUBJECTS.lineage.unlink, owner, { commandId: randomUUID(), assetId, parentAssetId, relationType: 'source' });
const graph = (owner: string, assetId: string, direction: string, depth: number, atLeast?: Token) =>
  ask<LineageGraph>(SUBJECTS.lineage.graph, owner, { assetId, direction, depth, atLeast });
const pairs = ({ edges }: LineageGraph) => edges.map(({ childAssetId, parentAssetId }) => [childAssetId, parentAssetId]);
/** Straight into the stream, as another replica does that has not seen the other link. */
const linkUnseen = (owner: string, childAssetId: string, parentAssetId: string) => {
  const command = { type: 'LinkParent' as const, data: { childAssetId, parent: parentOf(parentAssetId) }, metadata: now };
  return store.handle({ definition: lineageDefinition, stream: lineageStream(childAssetId), command, metadata: metadata(owner) });
};

/** a <- b <- c <- d */
const chain = async (owner: string) => {
  const [a, b, c, d] = await Promise.all([asset(owner), asset(owner), asset(owner), asset(owner)]);
  await link(owner, b!, parentOf(a!));
  await link(owner, c!, parentOf(b!));
  const { token } = await link(owner, d!, parentOf(c!, { parentStartTime: 1.5, parentEndTime: 3 }));
  return { a: a!, b: b!, c: c!, d: d!, token };
};

describe('links', () => {
  it('are seen by the one who made them, with how the parent was used', async () => {
    const [parent, child] = [await asset('ann'), await asset('ann')];
    const { token } = await link('ann', child, parentOf(parent, { parentStartTime: 1.5, parentEndTime: 3, influenceWeight: 0.5 }));
    const { edges } = await graph('ann', child, 'ancestors', 1, token);
    expect(edges).toEqual([
      { childAssetId: child, parentAssetId: parent, relationType: 'source', operationType: 'image-to-video', sequenceOrder: 0, parentStartTime: 1.5, parentEndTime: 3, influenceWeight: 0.5 },
    ]);
  });

  it('come once, however often they are asked for', async () => {
    const [parent, child] = [await asset('ann'), await asset('ann')];
    const first = await link('ann', child, parentOf(parent), 'the-same');
    expect(await link('ann', child, parentOf(parent), 'the-same')).toEqual(first);
    expect(await link('ann', child, parentOf(parent))).toEqual(first);
    expect(await store.read(lineageStream(child))).toHaveLength(1);
  });

  it('go when they are unlinked, and stay marked in the read model', async () => {
    const [parent, child] = [await asset('ann'), await asset('ann')];
    await link('ann', child, parentOf(parent));
    const { token } = await unlink('ann', child, parent);
    expect(pairs(await graph('ann', child, 'both', 3, token))).toEqual([]);
    expect(await unlink('ann', child, parent)).toEqual({ token });
    const again = await link('ann', child, parentOf(parent));
    expect(pairs(await graph('ann', child, 'both', 3, again.token))).toEqual([[child, parent]]);
  });

  it('need two assets of the owner; another owner’s is as unknown as none', async () => {
    const [mine, theirs] = [await asset('ann'), await asset('bob')];
    const nowhere = randomUUID();
    for (const unknown of [theirs, nowhere]) {
      await expect(link('ann', mine, parentOf(unknown))).rejects.toMatchObject({ code: 'UNKNOWN_ASSET', details: { assetId: unknown } });
      await expect(link('ann', unknown, parentOf(mine))).rejects.toMatchObject({ code: 'UNKNOWN_ASSET', category: 'not-found' });
      await expect(unlink('ann', unknown, mine)).rejects.toMatchObject({ code: 'UNKNOWN_ASSET' });
      await expect(graph('ann', unknown, 'both', 1)).rejects.toMatchObject({ code: 'UNKNOWN_ASSET' });
    }
  });

  it('are validated at the edge', async () => {
    const mine = await asset('ann');
    await expect(link('ann', mine, parentOf('../x'))).rejects.toMatchObject({ code: 'VALIDATION_FAILED', category: 'invalid' });
    await expect(graph('ann', mine, 'sideways', 0)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });
});

describe('cycles', () => {
  it('to itself is refused', async () => {
    const mine = await asset('ann');
    await expect(link('ann', mine, parentOf(mine))).rejects.toMatchObject({ code: 'SELF_LINK', category: 'unprocessable' });
  });

  it('that is seen is refused with its path', async () => {
    const { a, b, c, d } = await chain('ann');
    await expect(link('ann', a, parentOf(d))).rejects.toMatchObject({ code: 'LINEAGE_CYCLE', category: 'conflict', details: { path: [a, d, c, b, a] } });
    expect(await store.read(lineageStream(a))).toHaveLength(0);
  });

  it('of two links made at the same time loses its later link by an event', async () => {
    const [a, b] = [await asset('ann'), await asset('ann')];
    const [first, second] = [await linkUnseen('ann', a, b), await linkUnseen('ann', b, a)];
    expect(first.token.position < second.token.position).toBe(true);
    const events = await eventually(async () => {
      const found = await store.read(lineageStream(b));
      expect(found.map(({ type }) => type)).toEqual(['ParentLinked', 'ParentUnlinked']);
      return found;
    });
    expect(events[1]!.metadata).toMatchObject({ owner: 'ann', actor: 'service:lineage', commandId: `reaction:lineage:${events[0]!.id}` });
    expect(pairs(await graph('ann', a, 'both', 10, { ...second.token, position: events[1]!.position }))).toEqual([[a, b]]);
  });
});

describe('the graph', () => {
  it('goes up, down and both ways, as deep as asked', async () => {
    const { a, b, c, d, token } = await chain('ann');
    expect(pairs(await graph('ann', d, 'ancestors', 50, token))).toEqual([[d, c], [c, b], [b, a]]);
    expect(pairs(await graph('ann', d, 'ancestors', 2))).toEqual([[d, c], [c, b]]);
    expect(pairs(await graph('ann', a, 'descendants', 50))).toEqual([[b, a], [c, b], [d, c]]);
    expect(pairs(await graph('ann', b, 'both', 1))).toEqual([[b, a], [c, b]]);
    expect(pairs(await graph('ann', a, 'ancestors', 5))).toEqual([]);
  });

  it('keeps the parents in their order, and an asset that is reached twice once', async () => {
    const [top, left, right, child] = [await asset('ann'), await asset('ann'), await asset('ann'), await asset('ann')];
    await link('ann', left, parentOf(top));
    await link('ann', right, parentOf(top));
    await link('ann', child, parentOf(right));
    const { token } = await link('ann', child, parentOf(left));
    const { edges } = await graph('ann', child, 'ancestors', 10, token);
    expect(edges.slice(0, 2).map(({ parentAssetId, sequenceOrder }) => [parentAssetId, sequenceOrder])).toEqual([[right, 0], [left, 1]]);
    expect(edges).toHaveLength(4);
  });

  it('has the parents that an asset was registered with', async () => {
    const [one, two] = [await asset('ann'), await asset('ann')];
    const { assetId, token } = await registered('ann', [parentOf(two), parentOf(one)]);
    expect(pairs(await graph('ann', assetId, 'ancestors', 1, token))).toEqual([[assetId, two], [assetId, one]]);
    const [linked] = await store.read(lineageStream(assetId));
    expect(linked!.metadata).toMatchObject({ actor: 'service:lineage', owner: 'ann', $correlationId: 'spec' });
  });

  it('is the same after its read model was dropped', async () => {
    const { a, token } = await chain('ann');
    const before = await graph('ann', a, 'both', 50, token);
    await bus.request(SUBJECTS.lineage.rebuild, { owner: 'ann', actor: 'spec' }, { timeoutMs: 20_000 });
    expect(await graph('ann', a, 'both', 50)).toEqual(before);
  });

  itWithOwn('EVENTSTORE_URL', 'follows the events again after the event store was away', async () => {
    const { a, d } = await chain('ann');
    await servers.restartEventStore();
    const { token } = await eventually(() => link('ann', d, parentOf(a)));
    expect(pairs(await eventually(() => graph('ann', d, 'ancestors', 1, token)))).toHaveLength(2);
  });
});
