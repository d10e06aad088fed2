import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import type { Command, DomainEvent, EventMetadata, RecordedEvent, StreamDefinition } from '@ferry/kernel';
import { createLogger } from '@ferry/observability';
import { eventStoreServer, itWithOwn, type TestServer } from '@ferry/testing/servers';
import { eventually, tempDir, type TempDir } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { EventStore, metadataFor, type EventSubscription } from './index';

type Counted = DomainEvent<'Counted', { readonly to: number }>;
type Count = Command<'Count', { readonly times: number }>;

/** Counts up; refuses to pass 100. */
const counter: StreamDefinition<number, Count, Counted> = {
  category: 'counter-',
  eventTypes: ['Counted'],
  decider: {
    initialState: () => 0,
    evolve: (_, { data }) => data.to,
    decide: ({ data: { times } }, state) => {
      if (state + times > 100) throw new Error('too high');
      return Array.from({ length: times }, (_, index) => ({ type: 'Counted' as const, data: { to: state + index + 1 } }));
    },
  },
};

let folder: TempDir;
let server: TestServer;
let store: EventStore;
let other: EventStore;
let subscriptions: EventSubscription[] = [];
const logger = createLogger('event-store-spec');

beforeAll(async () => {
  folder = await tempDir('ferry-event-store-');
  server = await eventStoreServer(folder.path);
  store = EventStore.connect({ url: server.url, logger });
  other = EventStore.connect({ url: server.url, logger });
});

afterEach(async () => {
  await Promise.all(subscriptions.map((subscription) => subscription.close()));
  subscriptions = [];
});

afterAll(async () => {
  await store?.close();
  await other?.close();
  await server?.stop();
  await folder?.remove();
});

const restart = async (): Promise<void> => {
  await server.stop();
  await server.start();
};

const newStream = () => `counter-${randomUUID()}`;
const metadata = (commandId: string = randomUUID(), actor = 'key'): EventMetadata => metadataFor({ owner: 'ann', actor, commandId });
const count = (stream: string, times = 1, by = store, meta = metadata()) =>
  by.handle({ definition: counter, stream, command: { type: 'Count', data: { times }, metadata: { now: '2026-01-01T00:00:00.000Z' } }, metadata: meta });
const follow = (prefixes: string[], onEvent: (event: RecordedEvent) => void | Promise<void>, from: string = 'start') => {
  const subscription = store.subscribeAll({ prefixes, from, onEvent });
  subscriptions.push(subscription);
  return subscription;
};

describe('a command', () => {
  it('appends what it decides, and gives the new state and a token', async () => {
    const stream = newStream();
    const { events, state, token } = await count(stream, 2);
    expect(events).toEqual([{ type: 'Counted', data: { to: 1 } }, { type: 'Counted', data: { to: 2 } }]);
    expect(state).toBe(2);
    const stored = await store.read(stream);
    expect(stored.map(({ revision, data }) => [revision, data])).toEqual([[0, { to: 1 }], [1, { to: 2 }]]);
    expect(token).toEqual({ stream, revision: 1, position: stored[1]!.position });
    expect(await store.head()).toBe(token.position);
  });

  it('that changes nothing gives the present token', async () => {
    const stream = newStream();
    const { token } = await count(stream, 3);
    expect(await count(stream, 0)).toEqual({ events: [], state: 3, token });
  });

  it('that is refused writes nothing', async () => {
    const stream = newStream();
    await expect(count(stream, 101)).rejects.toThrow('too high');
    expect(await store.read(stream)).toEqual([]);
  });

  it('that a client sends again changes nothing and gives the first token; a reaction decides anew', async () => {
    const stream = newStream();
    const meta = metadata('again');
    const { token } = await count(stream, 1, store, meta);
    await count(stream, 1);
    expect(await count(stream, 1, other, meta)).toEqual({ events: [], state: 2, token });
    const reaction = metadata('reaction:x:1', 'service:x');
    await count(stream, 1, store, reaction);
    expect((await count(stream, 1, store, reaction)).state).toBe(4);
  });

  it('is remembered for 64 commands', async () => {
    const stream = newStream();
    const first = metadata('first');
    await count(stream, 1, store, first);
    for (let command = 0; command < 63; command += 1) await count(stream);
    expect((await count(stream, 1, store, first)).events).toEqual([]);
    await count(stream);
    expect((await count(stream, 1, store, first)).state).toBe(66);
  });

  it('of many writers in two processes at once is counted once each', async () => {
    const stream = newStream();
    await Promise.all(Array.from({ length: 20 }, (_, index) => count(stream, 1, index % 2 ? store : other)));
    const stored = await store.read(stream);
    expect(stored.map(({ data }) => (data as Counted['data']).to)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it('is refused on a stream with an event that this version does not know', async () => {
    const stream = newStream();
    const client = EventStoreDBClient.connectionString(server.url);
    await client.appendToStream(stream, [jsonEvent({ type: 'CountedByNewerRelease', data: {} })], { expectedRevision: NO_STREAM });
    await client.dispose();
    await expect(count(stream)).rejects.toMatchObject({ code: 'UNKNOWN_EVENT', category: 'unavailable', details: { type: 'CountedByNewerRelease' } });
    expect(await store.read(stream)).toHaveLength(1);
  });

  itWithOwn('EVENTSTORE_URL', 'outlasts a restart of the server', async () => {
    const stream = newStream();
    await count(stream);
    const restarted = restart();
    const { state } = await eventually(() => count(stream));
    await restarted;
    expect(state).toBeGreaterThanOrEqual(2);
    expect((await store.read(stream)).map(({ data }) => (data as Counted['data']).to)).toEqual(Array.from({ length: state }, (_, index) => index + 1));
  });
});

describe('a subscription', () => {
  it('gives the events of its prefixes in order, from the start and then live', async () => {
    const [stream, elsewhere] = [newStream(), `elsewhere-${randomUUID()}`];
    await count(stream, 3);
    const seen: number[] = [];
    const subscription = follow([stream], ({ data }) => void seen.push((data as Counted['data']).to));
    await eventually(() => expect(subscription.live).toBe(true));
    await count(elsewhere, 1);
    await count(stream, 2);
    await eventually(() => expect(seen).toEqual([1, 2, 3, 4, 5]));
  });

  it('passes what it does not follow, so that its position reaches the head', async () => {
    const subscription = follow(['nobody-'], () => undefined, await store.head());
    await eventually(() => expect(subscription.live).toBe(true));
    const { token } = await count(newStream());
    await eventually(() => expect(subscription.position >= token.position).toBe(true));
  });

  it('starts after a position', async () => {
    const stream = newStream();
    const { token } = await count(stream, 2);
    const seen: number[] = [];
    follow([stream], ({ data }) => void seen.push((data as Counted['data']).to), token.position);
    await count(stream, 1);
    await eventually(() => expect(seen).toEqual([3]));
  });

  it('gives an event again, and none after it, until it is handled', async () => {
    const stream = newStream();
    await count(stream, 3);
    const seen: number[] = [];
    let failures = 2;
    follow([stream], ({ data }) => {
      const { to } = data as Counted['data'];
      seen.push(to);
      if (to === 2 && failures-- > 0) throw new Error('not now');
    });
    await eventually(() => expect(seen).toEqual([1, 2, 2, 2, 3]));
  });

  itWithOwn('EVENTSTORE_URL', 'goes on after the last handled event when the server comes back', async () => {
    const stream = newStream();
    const seen: number[] = [];
    const subscription = follow([stream], ({ data }) => void seen.push((data as Counted['data']).to));
    await count(stream, 2);
    await eventually(() => expect(seen).toEqual([1, 2]));
    await restart();
    await eventually(() => count(stream, 1));
    const stored = (await store.read(stream)).map(({ data }) => (data as Counted['data']).to);
    expect(stored.length).toBeGreaterThanOrEqual(3);
    await eventually(() => expect(seen).toEqual(stored));
    await eventually(() => expect(subscription.live).toBe(true));
  });

  it('ends after the event that is being handled', async () => {
    const stream = newStream();
    await count(stream, 3);
    let finish: () => void = () => undefined;
    const seen: number[] = [];
    const subscription = follow([stream], async ({ data }) => {
      seen.push((data as Counted['data']).to);
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    await eventually(() => expect(seen).toEqual([1]));
    const closed = subscription.close();
    finish();
    await closed;
    expect(seen).toEqual([1]);
  });
});

itWithOwn('EVENTSTORE_URL', 'says whether the store can be reached', async () => {
  expect(store.ready()).toBe(true);
  await server.stop();
  await expect(store.probe()).rejects.toMatchObject({ code: 'EVENT_STORE_UNAVAILABLE', category: 'unavailable' });
  expect(store.ready()).toEqual(expect.stringContaining('not reachable'));
  await server.start();
  await eventually(() => store.probe());
  expect(store.ready()).toBe(true);
});

describe('a record', () => {
  const record = (stream: string, to: number, by = store) => by.record<Counted>({ stream, events: [{ type: 'Counted', data: { to } }], metadata: metadata() });

  it('is appended after what the stream holds, also after another writer', async () => {
    const stream = newStream();
    for (const [to, by] of [[1, store], [2, store], [3, other], [4, store]] as const) expect((await record(stream, to, by)).revision).toBe(to - 1);
    expect((await store.read<Counted>(stream)).map(({ data }) => data.to)).toEqual([1, 2, 3, 4]);
  });

  itWithOwn('EVENTSTORE_URL', 'is appended after what the stream holds, also after a restart', async () => {
    const stream = newStream();
    await record(stream, 1);
    await restart();
    await Promise.all([record(stream, 2), record(stream, 3)]);
    expect((await store.read<Counted>(stream)).map(({ data }) => data.to)).toEqual([1, 2, 3]);
  });

  it('goes on where all that the stream held is too old to be seen', async () => {
    const stream = newStream();
    await record(stream, 1);
    const client = EventStoreDBClient.connectionString(server.url);
    await client.setStreamMetadata(stream, { truncateBefore: 1 });
    await client.dispose();
    expect(await store.read(stream)).toEqual([]);
    expect((await record(stream, 2, other)).revision).toBe(1);
  });

  it('stays for as long as is said first', async () => {
    const stream = newStream();
    await store.limitAge(stream, 3_600);
    await store.limitAge(stream, 60);
    const client = EventStoreDBClient.connectionString(server.url);
    expect((await client.getStreamMetadata(stream)).metadata).toEqual({ maxAge: 3_600 });
    await client.dispose();
  });
});
