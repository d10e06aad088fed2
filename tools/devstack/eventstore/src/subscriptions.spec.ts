import { once } from 'node:events';
import {
  END, ErrorType, eventTypeFilter, START, streamNameFilter, type AllStreamSubscription, type EventData, type Position,
} from '@eventstore/db-client';
import { all, linkTo, newStream, rawEvent, rejection, revisions, take, testEvent, testEvents, TestServer } from './specs/support';

let test: TestServer;
beforeAll(async () => {
  test = await TestServer.start();
});
afterAll(() => test.stop());

const LONG_MAX = 9223372036854775807n;

const range = (from: number, to: number): bigint[] => Array.from({ length: to - from }, (_, n) => BigInt(from + n));

async function endOfLog(): Promise<Position> {
  const [last] = await all(test.client.readAll({ direction: 'backwards', fromPosition: END, maxCount: 1 }));
  if (!last?.event?.position) throw new Error('the log has no end');
  return last.event.position;
}

describe('a subscription to a stream', () => {
  it('confirms, gives history, is caught up once, and goes on live', async () => {
    const stream = newStream();
    await test.client.appendToStream(stream, testEvents(300));
    const subscription = test.client.subscribeToStream(stream);
    const said: string[] = [];
    for (const word of ['confirmation', 'caughtUp'] as const) subscription.on(word, () => said.push(word));
    expect(revisions(await take(subscription, 300))).toEqual(range(0, 300));
    const live = take(subscription, 4);
    await test.client.appendToStream(stream, testEvents(2));
    await test.client.appendToStream(newStream(), testEvents(2));
    await test.client.appendToStream(stream, testEvents(2));
    expect(revisions(await live)).toEqual(range(300, 304));
    expect(said).toEqual(['confirmation', 'caughtUp']);
    await subscription.unsubscribe();
  });

  it.each([
    [START, 0],
    [1n, 2],
    [3n, 4],
    [END, 4],
    [6n, 7],
  ] as const)('starts after revision %p', async (fromRevision, first) => {
    const stream = newStream();
    await test.client.appendToStream(stream, testEvents(4));
    const subscription = test.client.subscribeToStream(stream, { fromRevision });
    await once(subscription, 'confirmation');
    const taken = take(subscription, 9 - first);
    await test.client.appendToStream(stream, testEvents(5));
    expect(revisions(await taken)).toEqual(range(first, 9));
    await subscription.unsubscribe();
  });

  it('waits for a stream that does not exist yet, and is then caught up', async () => {
    const stream = newStream();
    const subscription = test.client.subscribeToStream(stream);
    const said: string[] = [];
    subscription.on('caughtUp', () => said.push('caughtUp'));
    await once(subscription, 'confirmation');
    await test.client.appendToStream(newStream(), testEvent());
    expect(said).toEqual([]);
    const caughtUp = once(subscription, 'caughtUp');
    await test.client.appendToStream(stream, testEvents(2));
    expect(revisions(await take(subscription, 2))).toEqual([0n, 1n]);
    await caughtUp;
    await subscription.unsubscribe();
  });

  it('is caught up at once at the end of a stream that does not exist yet, and else when it exists', async () => {
    const stream = newStream();
    const atEnd = test.client.subscribeToStream(stream, { fromRevision: END });
    await once(atEnd, 'caughtUp');
    const later = test.client.subscribeToStream(stream, { fromRevision: 0n });
    const caughtUp = once(later, 'caughtUp');
    await once(later, 'confirmation');
    await test.client.appendToStream(stream, testEvent());
    await caughtUp;
    await test.client.appendToStream(stream, testEvent());
    expect(revisions(await take(later, 1))).toEqual([1n]);
    expect(revisions(await take(atEnd, 2))).toEqual([0n, 1n]);
    await Promise.all([atEnd.unsubscribe(), later.unsubscribe()]);
  });

  it('survives a delete, and ends with a tombstone', async () => {
    const stream = newStream();
    await test.client.appendToStream(stream, testEvent());
    const subscription = test.client.subscribeToStream(stream);
    await once(subscription, 'caughtUp');
    const taken = take(subscription, 3);
    const failure = once(subscription, 'error');
    await test.client.deleteStream(stream);
    await test.client.appendToStream(stream, testEvent());
    await test.client.tombstoneStream(stream);
    expect(revisions(await taken)).toEqual([0n, 1n, LONG_MAX]);
    expect((await failure)[0]).toMatchObject({ type: ErrorType.STREAM_DELETED, streamName: stream });
    expect(await rejection(all(test.client.subscribeToStream(stream)))).toMatchObject({ type: ErrorType.STREAM_DELETED });
  });

  it('resolves links from history and live', async () => {
    const [target, links] = [newStream(), newStream()];
    await test.client.appendToStream(target, testEvents(2));
    await test.client.appendToStream(links, linkTo(`0@${target}`));
    const subscription = test.client.subscribeToStream(links, { resolveLinkTos: true });
    await once(subscription, 'caughtUp');
    const taken = take(subscription, 2);
    await test.client.appendToStream(links, linkTo(`1@${target}`));
    expect((await taken).map(({ event, link }) => [event?.streamId, event?.revision, link?.revision])).toEqual([
      [target, 0n, 0n], [target, 1n, 1n],
    ]);
    await subscription.unsubscribe();
  });
});

describe('a subscription to $all', () => {
  it('starts after a position, and is caught up once also from the end', async () => {
    const stream = newStream();
    const { position } = await test.client.appendToStream(stream, testEvents(2));
    await test.client.appendToStream(stream, testEvents(3));
    const after = test.client.subscribeToAll({ fromPosition: position });
    const end = test.client.subscribeToAll({ fromPosition: END });
    await Promise.all([once(after, 'caughtUp'), once(end, 'caughtUp')]);
    await test.client.appendToStream(stream, testEvent());
    expect(revisions(await take(after, 4))).toEqual(range(2, 6));
    expect(revisions(await take(end, 1))).toEqual([5n]);
    await Promise.all([after.unsubscribe(), end.unsubscribe()]);
  });

  it('refuses a position between events', async () => {
    const { commit } = await endOfLog();
    const between = test.client.subscribeToAll({ fromPosition: { commit: commit - 1n, prepare: commit - 1n } });
    expect(await rejection(all(between))).toMatchObject({ type: ErrorType.UNKNOWN, code: 2 });
  });

  it('misses and doubles nothing while others write', async () => {
    const prefix = newStream('race');
    const subscriptions: AllStreamSubscription[] = [];
    const taken = [];
    for (let writer = 0; writer < 10; writer++) {
      const appends = testEvents(25).map((event) => test.client.appendToStream(`${prefix}-${writer % 3}`, event));
      const subscription = test.client.subscribeToAll({ filter: streamNameFilter({ prefixes: [prefix] }) });
      subscriptions.push(subscription);
      taken.push(take(subscription, 250));
      await Promise.all(appends);
    }
    const expected = (await all(test.client.readAll())).filter(({ event }) => event?.streamId.startsWith(prefix)).map(({ event }) => event?.id);
    for (const events of await Promise.all(taken)) expect(events.map(({ event }) => event?.id)).toEqual(expected);
    await Promise.all(subscriptions.map((subscription) => subscription.unsubscribe()));
  });
});

describe('a filter', () => {
  it.each([
    ['prefixes of stream names', (mark: string) => streamNameFilter({ prefixes: [`${mark}-a`, `${mark}-b`] }), ['A', 'B']],
    ['a regex on stream names', (mark: string) => streamNameFilter({ regex: `^${mark}-[bc]` }), ['B', 'C']],
    ['prefixes of event types', (mark: string) => eventTypeFilter({ prefixes: [`${mark}C`] }), ['C']],
    ['a regex on event types', (mark: string) => eventTypeFilter({ regex: `^${mark}[AC]$` }), ['A', 'C']],
  ])('by %s holds for history and live', async (_case, filterOf, letters) => {
    const mark = newStream('filter');
    const write = async (): Promise<void> => {
      for (const letter of ['A', 'B', 'C']) {
        await test.client.appendToStream(`${mark}-${letter.toLowerCase()}`, testEvent(0, mark + letter));
      }
    };
    await write();
    const subscription = test.client.subscribeToAll({ filter: filterOf(mark) });
    await once(subscription, 'caughtUp');
    const taken = take(subscription, 2 * letters.length);
    await write();
    expect((await taken).map(({ event }) => event?.type)).toEqual([...letters, ...letters].map((letter) => mark + letter));
    await subscription.unsubscribe();
  });

  it('that is no regular expression is refused', async () => {
    const subscription = test.client.subscribeToAll({ filter: eventTypeFilter({ regex: '(' }) });
    expect(await rejection(all(subscription))).toMatchObject({ code: 2 });
  });

  it.each([
    ['every considered event', { maxSearchWindow: 1 }, 1],
    ['every window', { maxSearchWindow: 4 }, 4],
    ['every interval of windows', { maxSearchWindow: 4, checkpointInterval: 2 }, 8],
    ['every 32 by default', {}, 32],
  ])('gives a checkpoint for %s, from history into live', async (_case, options: { maxSearchWindow?: number; checkpointInterval?: number }, every) => {
    const fromPosition = await endOfLog();
    const written: bigint[] = [];
    const write = async (count: number): Promise<void> => {
      const results = await Promise.all(testEvents(count).map((event) => test.client.appendToStream(newStream('other'), event)));
      written.push(...results.map(({ position }) => position?.commit ?? 0n).sort((a, b) => Number(a - b)));
    };
    await write(50);
    const reached: bigint[] = [];
    const last = newStream('wanted');
    const checkpointReached = async (_: unknown, { commit }: Position): Promise<void> => void reached.push(commit);
    const filter = streamNameFilter({ prefixes: [last], ...options, checkpointReached });
    const subscription = test.client.subscribeToAll({ fromPosition, filter });
    await once(subscription, 'caughtUp');
    await write(50);
    await test.client.appendToStream(last, testEvent());
    await take(subscription, 1);
    // Before it is live, the checkpoint of a page without a match is where the page begins.
    const back = (index: number): number => (index < 50 ? (options.maxSearchWindow ?? 32) - 1 : 0);
    expect(reached).toEqual(written.flatMap((_, index) => ((index + 1) % every === 0 ? [written[index - back(index)]] : [])));
    await subscription.unsubscribe();
  });

  it('gives a checkpoint that a later subscription goes on from', async () => {
    const fromPosition = await endOfLog();
    const stream = newStream('resume');
    const reached: Position[] = [];
    const filter = streamNameFilter({ prefixes: [stream], maxSearchWindow: 1, checkpointReached: async (_, at) => void reached.push(at) });
    const first = test.client.subscribeToAll({ fromPosition, filter });
    await test.client.appendToStream(stream, testEvents(3));
    await take(first, 3);
    await first.unsubscribe();
    const second = test.client.subscribeToAll({ fromPosition: reached[0], filter });
    expect(revisions(await take(second, 2))).toEqual([1n, 2n]);
    await second.unsubscribe();
  });
});

describe('a consumer that does not read', () => {
  const bigEvents = (count: number): EventData[] => Array.from({ length: count }, () => rawEvent('Big', 'x'.repeat(100_000)));

  it('is dropped when live, with what it has got in order', async () => {
    const stream = newStream();
    const subscription = test.client.subscribeToStream(stream, { fromRevision: END });
    await once(subscription, 'confirmation');
    const failure = once(subscription, 'error');
    for (let n = 0; n < 5; n++) await test.client.appendToStream(stream, bigEvents(10));
    for (let n = 0; n < 5; n++) await test.client.appendToStream(stream, testEvents(300));
    const got: bigint[] = [];
    subscription.on('data', ({ event }) => got.push(event?.revision ?? -1n));
    expect((await failure)[0]).toMatchObject({
      type: ErrorType.TIMEOUT, code: 10,
      message: expect.stringContaining('Consumer too slow to handle event while live. Client resubscription required.'),
    });
    expect(got).toEqual(range(0, got.length));
    expect(got.length).toBeLessThan(1_550);
  });

  it('keeps its place while it catches up', async () => {
    const stream = newStream();
    for (let n = 0; n < 3; n++) await test.client.appendToStream(stream, bigEvents(10));
    const subscription = test.client.subscribeToStream(stream);
    await once(subscription, 'confirmation');
    for (let n = 0; n < 5; n++) await test.client.appendToStream(stream, testEvents(300));
    expect(revisions(await take(subscription, 1_530))).toEqual(range(0, 1_530));
    await subscription.unsubscribe();
  });
});
