import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { BACKWARDS, END, NO_STREAM, START, STREAM_EXISTS, type StreamSubscription } from '@eventstore/db-client';
import { all, linkTo, newStream, rejection, revisions, testEvent, testEvents, TestServer } from './specs/support';

let test: TestServer;
beforeAll(async () => {
  test = await TestServer.start();
});
afterAll(() => test.stop());

const LONG_MAX = 2n ** 63n - 1n;
const at = (position: bigint): { commit: bigint; prepare: bigint } => ({ commit: position, prepare: position });

/** Everything that a subscription says, in order. */
function heard(subscription: StreamSubscription): unknown[] {
  const words: unknown[] = [];
  subscription.on('confirmation', () => words.push('confirmation'));
  subscription.on('caughtUp', () => words.push('caughtUp'));
  subscription.on('data', (resolved) => words.push(resolved.event?.revision));
  subscription.on('error', (error) => words.push('type' in error ? error.type : error));
  return words;
}

it('begins with the metadata of $scavenges', async () => {
  const fresh = await TestServer.start();
  const events = await all(fresh.client.readAll());
  expect(events.map(({ event }) => [event?.streamId, event?.data])).toEqual([
    ['$$$scavenges', { $maxAge: 2592000, $acl: { $r: '$ops', $w: [], $d: [], $mr: [], $mw: [] } }],
  ]);
  await fresh.stop();
});

describe('event ids', () => {
  const id = randomUUID();
  it.each([['in braces', `{${id}}`], ['in parentheses', `(${id})`], ['as digits', id.replaceAll('-', '')], ['in capitals', id.toUpperCase()], ['between spaces', ` ${id} `]])(
    '%s are the same id',
    async (_case, text) => {
      const stream = newStream();
      await test.client.appendToStream(stream, { ...testEvent(), id });
      await test.client.appendToStream(stream, { ...testEvent(), id: text }, { expectedRevision: NO_STREAM });
      expect((await all(test.client.readStream(stream))).map(({ event }) => event?.id)).toEqual([id]);
    },
  );

  it.each(['00000000-0000-0000-0000-000000000000', 'nothing', ''])('%p is none', async (text) => {
    const append = test.client.appendToStream(newStream(), { ...testEvent(), id: text });
    expect(await rejection(append)).toMatchObject({ type: 'unknown' });
  });

  it('stay known for the first place that they were written to', async () => {
    const [stream, other, event] = [newStream(), newStream(), testEvent()];
    expect(await test.client.appendToStream(stream, [event, event])).toMatchObject({ nextExpectedRevision: 1n });
    expect(await test.client.appendToStream(stream, event)).toMatchObject({ nextExpectedRevision: 0n });
    expect(await test.client.appendToStream(other, event)).toMatchObject({ nextExpectedRevision: 0n });
    expect(await test.client.appendToStream(other, event)).toMatchObject({ nextExpectedRevision: 1n });
    expect(await test.client.appendToStream(stream, event)).toMatchObject({ nextExpectedRevision: 0n });
  });
});

describe('a tombstone', () => {
  it('is a binary event, and ends the metastream of the metastream', async () => {
    const stream = newStream();
    await test.client.tombstoneStream(stream);
    const [last] = await all(test.client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }));
    expect(last?.event).toMatchObject({ streamId: stream, type: '$streamDeleted', revision: LONG_MAX, isJson: false });
    for (const name of [stream, `$$${stream}`, `$$$$${stream}`]) {
      expect(await rejection(all(test.client.readStream(name)))).toMatchObject({ type: 'stream-deleted' });
    }
  });

  it('refuses a subscription without a confirmation', async () => {
    const stream = newStream();
    await test.client.tombstoneStream(stream);
    const subscription = test.client.subscribeToStream(stream);
    const words = heard(subscription);
    await once(subscription, 'error');
    expect(words).toEqual(['stream-deleted']);
  });

  it('is no event to a subscription that waits for the stream', async () => {
    const stream = newStream();
    const subscription = test.client.subscribeToStream(stream);
    const words = heard(subscription);
    await once(subscription, 'confirmation');
    const failed = once(subscription, 'error').catch((error: unknown) => [error]);
    await test.client.tombstoneStream(stream);
    await failed;
    expect(words).toEqual(['confirmation', 'stream-deleted']);
  });
});

describe('a subscription to a stream that is not there', () => {
  it.each([
    ['missing, its metadata hides events', async (stream: string) => {
      await test.client.setStreamMetadata(stream, { maxCount: 2 });
    }, [1n, 2n]],
    ['deleted, it comes back', async (stream: string) => {
      await test.client.appendToStream(stream, testEvents(2));
      await test.client.deleteStream(stream);
    }, [2n, 3n, 4n]],
  ])('waits: %s', async (_case, prepare, expected) => {
    const stream = newStream();
    await prepare(stream);
    const subscription = test.client.subscribeToStream(stream, { fromRevision: START });
    const words = heard(subscription);
    await once(subscription, 'confirmation');
    await test.client.appendToStream(stream, testEvents(3));
    await once(subscription, 'caughtUp');
    expect(words).toEqual(['confirmation', ...expected, 'caughtUp']);
    await subscription.unsubscribe();
  });

  it('is refused after the highest revision', async () => {
    const subscription = test.client.subscribeToStream(newStream(), { fromRevision: LONG_MAX });
    const words = heard(subscription);
    await once(subscription, 'error').catch((error: unknown) => error);
    expect(words).toEqual(['unknown']);
  });
});

describe('$all', () => {
  const count = async (fromPosition: ReturnType<typeof at> | typeof END, direction?: typeof BACKWARDS): Promise<number> =>
    (await all(test.client.readAll({ fromPosition, maxCount: 5, ...(direction && { direction }) }))).length;

  it('is empty from its end on, wherever behind it', async () => {
    expect(await count(END)).toBe(0);
    expect(await count(at(10n ** 12n))).toBe(0);
    expect(await count(at(2n ** 64n - 1n))).toBe(0);
  });

  it('has no event before a position that is none', async () => {
    await test.client.appendToStream(newStream(), testEvents(5));
    expect(await count(at(2n ** 64n - 1n), BACKWARDS)).toBe(5);
    expect(await rejection(count(at(10n ** 12n), BACKWARDS))).toMatchObject({ type: 'unknown' });
  });
});

describe('links', () => {
  it.each([
    ['a revision that no stream has', '9223372036854775807@', false],
    ['a number that no revision can be', '9223372036854775808@', true],
    ['no target', '0', false],
    ['zero bytes behind the number', '0\0@', undefined],
    ['a word', 'x@', true],
  ])('%s', async (_case, text, isPlain) => {
    const [stream, links] = [newStream(), newStream()];
    await test.client.appendToStream(stream, testEvent());
    await test.client.appendToStream(links, linkTo(text.endsWith('@') ? text + stream : text));
    const [resolved] = await all(test.client.readStream(links, { resolveLinkTos: true }));
    expect(resolved?.event?.streamId).toBe(isPlain === undefined ? stream : isPlain ? links : undefined);
    expect(resolved?.link?.streamId).toBe(isPlain ? undefined : links);
  });

  it('to a name in quotes is a link to nothing', async () => {
    const [stream, links] = [newStream(), newStream()];
    await test.client.appendToStream(stream, testEvent());
    await test.client.appendToStream(links, linkTo(`0@"${stream}"`));
    const [resolved] = await all(test.client.readStream(links, { resolveLinkTos: true }));
    expect(resolved).toMatchObject({ link: { streamId: links } });
    expect(resolved?.event).toBeUndefined();
  });
});

describe('metastreams', () => {
  it('bring a deleted stream back even by an append of nothing', async () => {
    const stream = newStream();
    await test.client.appendToStream(stream, testEvents(2));
    await test.client.deleteStream(stream);
    await test.client.appendToStream(`$$${stream}`, []);
    expect(await all(test.client.readStream(stream))).toEqual([]);
    expect(await test.client.getStreamMetadata(stream)).toMatchObject({ metadata: { truncateBefore: 2 } });
  });

  it('are deleted for those who write, and not for those who read', async () => {
    const metastream = `$$${newStream()}`;
    const append = async (): Promise<unknown> => test.client.appendToStream(metastream, testEvent(), { expectedRevision: STREAM_EXISTS });
    await test.client.appendToStream(metastream, testEvent());
    await test.client.deleteStream(metastream);
    expect(revisions(await all(test.client.readStream(metastream)))).toEqual([0n]);
    expect(await rejection(append())).toMatchObject({ type: 'stream-deleted' });
    expect(await test.client.appendToStream(metastream, testEvent(), { expectedRevision: NO_STREAM })).toMatchObject({ nextExpectedRevision: 1n });
    expect(await test.client.getStreamMetadata(metastream)).toMatchObject({ metadata: { truncateBefore: 1 } });
    expect(await append()).toMatchObject({ nextExpectedRevision: 2n });
  });
});
