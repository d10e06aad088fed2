import {
  ANY, BACKWARDS, END, ErrorType, FORWARDS, NO_STREAM, START, STREAM_EXISTS, type AppendResult, type AppendToStreamOptions,
  jsonEvent, type EventData,
} from '@eventstore/db-client';
import { all, linkTo, newStream, rawEvent, rejection, revisions, testEvent, testEvents, TestServer } from './specs/support';

let test: TestServer;
beforeAll(async () => {
  test = await TestServer.start();
});
afterAll(() => test.stop());

const append = (stream: string, events: EventData | EventData[], options?: AppendToStreamOptions): Promise<AppendResult> =>
  test.client.appendToStream(stream, events, options);
const LONG_MAX = 9223372036854775807n;

describe('reading a stream', () => {
  const stream = newStream();
  beforeAll(() => append(stream, testEvents(600)));

  it.each([
    [{ direction: FORWARDS }, 600, 0n],
    [{ direction: FORWARDS, fromRevision: 590n }, 10, 590n],
    [{ direction: FORWARDS, maxCount: 7 }, 7, 0n],
    [{ direction: FORWARDS, fromRevision: 600n }, 0, undefined],
    [{ direction: BACKWARDS, fromRevision: END }, 600, 599n],
    [{ direction: BACKWARDS, fromRevision: 5n }, 6, 5n],
    [{ direction: BACKWARDS, fromRevision: START }, 1, 0n],
    [{ direction: BACKWARDS, fromRevision: 10_000n, maxCount: 3 }, 3, 599n],
  ] as const)('with %p', async (options, count, first) => {
    const read = revisions(await all(test.client.readStream(stream, options)));
    const step = options.direction === FORWARDS ? 1n : -1n;
    expect(read).toEqual(Array.from({ length: count }, (_, n) => (first ?? 0n) + BigInt(n) * step));
  });

  it('refuses what cannot be read', async () => {
    const { client } = test;
    expect(await rejection(all(client.readStream(newStream())))).toMatchObject({ type: ErrorType.STREAM_NOT_FOUND });
    expect(await rejection(all(client.readStream(stream, { maxCount: 0 })))).toMatchObject({ type: ErrorType.UNKNOWN, code: 2 });
    expect(await rejection(all(client.readStream(stream, { fromRevision: END })))).toMatchObject({ type: ErrorType.UNKNOWN, code: 2 });
  });

  it('gives large events to a slow reader', async () => {
    const big = newStream();
    for (let n = 0; n < 12; n++) await append(big, rawEvent('Big', 'x'.repeat(1024 * 1024)));
    expect(revisions(await all(test.client.readStream(big)))).toHaveLength(12);
  });
});

describe('reading $all', () => {
  it('gives every event once, in the order of positions, both ways', async () => {
    await append(newStream(), testEvents(300));
    const forwards = (await all(test.client.readAll())).map(({ event }) => event?.position?.commit ?? 0n);
    const backwards = (await all(test.client.readAll({ direction: BACKWARDS, fromPosition: END }))).map(({ event }) => event?.position?.commit);
    expect(forwards).toEqual([...new Set(forwards)].sort((a, b) => Number(a - b)));
    expect(backwards).toEqual(forwards.toReversed());
    expect(forwards.length).toBeGreaterThan(300);
  });

  it('includes the position forwards, excludes it backwards, and refuses one between events', async () => {
    const { position } = await append(newStream(), testEvents(3));
    if (!position) throw new Error('an append has a position');
    const [here] = await all(test.client.readAll({ fromPosition: position, maxCount: 1 }));
    const [before] = await all(test.client.readAll({ fromPosition: position, direction: BACKWARDS, maxCount: 1 }));
    expect(here?.event?.position).toEqual(position);
    expect(before?.event?.revision).toBe(1n);
    const between = { commit: position.commit - 1n, prepare: position.commit - 1n };
    expect(await rejection(all(test.client.readAll({ fromPosition: between })))).toMatchObject({ type: ErrorType.UNKNOWN, code: 2 });
  });

  it('begins with system events and never hides any', async () => {
    const stream = newStream();
    await append(stream, testEvents(2));
    await test.client.deleteStream(stream);
    const read = await all(test.client.readAll());
    expect(read[0]?.event?.streamId.startsWith('$')).toBe(true);
    expect(read.filter(({ event }) => event?.streamId === stream)).toHaveLength(2);
  });
});

describe('a deleted stream', () => {
  it('is not found, and continues its numbers', async () => {
    const stream = newStream();
    await append(stream, testEvents(3));
    await test.client.setStreamMetadata(stream, { maxCount: 10, owner: 'me' });
    await test.client.deleteStream(stream, { expectedRevision: 2n });
    expect(await rejection(all(test.client.readStream(stream)))).toMatchObject({ type: ErrorType.STREAM_NOT_FOUND });
    expect(await rejection(append(stream, testEvent(), { expectedRevision: STREAM_EXISTS }))).toMatchObject({ type: ErrorType.STREAM_DELETED });
    expect(await rejection(append(stream, testEvent(), { expectedRevision: 1n }))).toMatchObject({ type: ErrorType.WRONG_EXPECTED_VERSION });
    expect(await append(stream, testEvents(2), { expectedRevision: NO_STREAM })).toMatchObject({ nextExpectedRevision: 4n });
    expect(revisions(await all(test.client.readStream(stream)))).toEqual([3n, 4n]);
    expect((await test.client.getStreamMetadata(stream)).metadata).toEqual({ truncateBefore: 3 });
  });

  it.each([ANY, 1n] as const)('takes events again with %s', async (expectedRevision) => {
    const stream = newStream();
    await append(stream, testEvents(2));
    await test.client.deleteStream(stream);
    expect(await append(stream, testEvent(), { expectedRevision })).toMatchObject({ nextExpectedRevision: 2n });
  });

  it('answers a repeated append without a position and stays deleted', async () => {
    const stream = newStream();
    const event = testEvent();
    await append(stream, event);
    await test.client.deleteStream(stream);
    expect(await append(stream, event)).toMatchObject({ success: true, nextExpectedRevision: 0n, position: undefined });
    expect(await rejection(all(test.client.readStream(stream)))).toMatchObject({ type: ErrorType.STREAM_NOT_FOUND });
  });

  it('comes back with new metadata', async () => {
    const stream = newStream();
    await append(stream, testEvents(2));
    await test.client.deleteStream(stream);
    await test.client.setStreamMetadata(stream, { colour: 'red' });
    expect((await test.client.getStreamMetadata(stream)).metadata).toEqual({ colour: 'red', truncateBefore: 2 });
    expect(await all(test.client.readStream(stream))).toEqual([]);
  });

  it('comes back even with an append of nothing', async () => {
    const stream = newStream();
    await append(stream, testEvents(2));
    await test.client.deleteStream(stream);
    expect(await append(stream, [])).toMatchObject({ nextExpectedRevision: 1n });
    expect((await test.client.getStreamMetadata(stream)).metadata).toEqual({ truncateBefore: 2 });
    expect(await append(stream, testEvent(), { expectedRevision: STREAM_EXISTS })).toMatchObject({ nextExpectedRevision: 2n });
    expect(revisions(await all(test.client.readStream(stream)))).toEqual([2n]);
  });

  it('may have had only metadata', async () => {
    const stream = newStream();
    await test.client.setStreamMetadata(stream, { colour: 'red' });
    await test.client.deleteStream(stream, { expectedRevision: NO_STREAM });
    expect(await append(stream, testEvent(), { expectedRevision: NO_STREAM })).toMatchObject({ nextExpectedRevision: 0n });
  });

  it('must have existed, at the expected revision', async () => {
    const stream = newStream();
    // For an append the client says 'no_stream' here.
    expect(await rejection(test.client.deleteStream(stream))).toMatchObject({ type: ErrorType.WRONG_EXPECTED_VERSION, actualVersion: -1n });
    await append(stream, testEvents(3));
    expect(await rejection(test.client.deleteStream(stream, { expectedRevision: 1n }))).toMatchObject({
      type: ErrorType.WRONG_EXPECTED_VERSION, streamName: stream, expectedVersion: 1n, actualVersion: 2n,
    });
  });
});

describe('a tombstoned stream', () => {
  it('is dead for ever, and in $all as it was', async () => {
    const stream = newStream();
    await append(stream, testEvents(2));
    const { position } = await test.client.tombstoneStream(stream, { expectedRevision: 1n });
    const deleted = { type: ErrorType.STREAM_DELETED };
    expect(await rejection(all(test.client.readStream(stream)))).toMatchObject({ ...deleted, code: 9, streamName: stream });
    expect(await rejection(test.client.tombstoneStream(stream))).toMatchObject(deleted);
    expect(await rejection(test.client.deleteStream(stream))).toMatchObject(deleted);
    expect(await rejection(test.client.setStreamMetadata(stream, {}))).toMatchObject(deleted);
    if (!position) throw new Error('a tombstone has a position');
    const [record] = await all(test.client.readAll({ fromPosition: position }));
    expect(record?.event).toMatchObject({ type: '$streamDeleted', streamId: stream, revision: LONG_MAX });
  });

  it('has a name that a trailer cannot carry: an unknown error', async () => {
    const stream = newStream('ünï');
    await test.client.tombstoneStream(stream);
    expect(await rejection(all(test.client.readStream(stream)))).toMatchObject({ type: ErrorType.UNKNOWN, code: 2 });
  });

  it('must be at the expected revision', async () => {
    const error = await rejection(test.client.tombstoneStream(newStream(), { expectedRevision: 0n }));
    expect(error).toMatchObject({ type: ErrorType.WRONG_EXPECTED_VERSION });
  });
});

describe('stream metadata', () => {
  it('is none at first, then what was set, at the expected revision', async () => {
    const stream = newStream();
    expect((await test.client.getStreamMetadata(stream)).metadata).toBeUndefined();
    await test.client.setStreamMetadata(stream, { maxCount: 5, colour: 'red' }, { expectedRevision: NO_STREAM });
    expect((await test.client.getStreamMetadata(stream)).metadata).toEqual({ maxCount: 5, colour: 'red' });
    const error = await rejection(test.client.setStreamMetadata(stream, {}, { expectedRevision: 4n }));
    expect(error).toMatchObject({ type: ErrorType.WRONG_EXPECTED_VERSION });
    expect(await append(stream, testEvent(), { expectedRevision: STREAM_EXISTS })).toMatchObject({ nextExpectedRevision: 0n });
  });

  it.each([
    [{ maxCount: 3 }, [7n, 8n, 9n]],
    [{ truncateBefore: 8 }, [8n, 9n]],
    [{ truncateBefore: 5, maxCount: 8 }, [5n, 6n, 7n, 8n, 9n]],
    [{ truncateBefore: 100 }, []],
    [{ maxCount: 0, truncateBefore: 8 }, [8n, 9n]],
  ])('%p hides events', async (metadata, visible) => {
    const stream = newStream();
    await append(stream, testEvents(10));
    await test.client.setStreamMetadata(stream, metadata);
    expect(revisions(await all(test.client.readStream(stream)))).toEqual(visible);
    expect(revisions(await all(test.client.readStream(stream, { direction: BACKWARDS, fromRevision: END })))).toEqual(visible.toReversed());
  });

  it('that is no JSON counts for nothing', async () => {
    const stream = newStream();
    await append(stream, testEvents(2));
    await append(`$$${stream}`, rawEvent('$metadata', '{"$maxCount":'));
    expect(await all(test.client.readStream(stream))).toHaveLength(2);
  });

  it('that does not say that it is JSON counts for nothing', async () => {
    const stream = newStream();
    await append(stream, testEvents(2));
    await append(`$$${stream}`, rawEvent('$metadata', '{"$maxCount":1}'));
    expect(await all(test.client.readStream(stream))).toHaveLength(2);
    await append(`$$${stream}`, jsonEvent({ type: '$metadata', data: { $maxCount: 1 } }));
    expect(await all(test.client.readStream(stream))).toHaveLength(1);
  });

  it('hides events by age, but keeps the revision', async () => {
    const stream = newStream();
    const { position } = await append(stream, testEvents(2));
    await test.client.setStreamMetadata(stream, { maxAge: 1 });
    const isOld = async (): Promise<boolean> => (await all(test.client.readStream(stream))).length === 0;
    while (!(await isOld())) await append(newStream(), testEvent());
    const error = await rejection(append(stream, testEvent(), { expectedRevision: NO_STREAM }));
    expect(error).toMatchObject({ type: ErrorType.WRONG_EXPECTED_VERSION, actualVersion: 1n });
    expect(position).toBeDefined();
  });

  it('keeps one event of its own stream', async () => {
    const stream = newStream();
    for (const maxCount of [1, 2, 3]) await test.client.setStreamMetadata(stream, { maxCount });
    expect(revisions(await all(test.client.readStream(`$$${stream}`)))).toEqual([2n]);
  });
});

describe('links', () => {
  it('are resolved on request, and stay links without an event when their target is hidden', async () => {
    const [target, hidden, dead, links] = [newStream('a@b'), newStream(), newStream(), newStream()];
    for (const stream of [target, hidden, dead]) await append(stream, testEvents(2));
    await test.client.deleteStream(hidden);
    await test.client.tombstoneStream(dead);
    const texts = [`1@${target}`, `7@${target}`, `0@${hidden}`, `0@${dead}`, `0@${newStream()}`, 'nonsense', `"0@${target}"`];
    await append(links, texts.map(linkTo));
    const read = await all(test.client.readStream(links, { resolveLinkTos: true }));
    expect(read[0]).toMatchObject({ event: { streamId: target, revision: 1n }, link: { streamId: links, revision: 0n } });
    expect(read[0]?.commitPosition).toBe(read[0]?.link?.position?.commit);
    expect(read.slice(1).map(({ event, link }) => [event?.type, link?.type])).toEqual([
      [undefined, '$>'], [undefined, '$>'], [undefined, '$>'], [undefined, '$>'], ['$>', undefined], ['$>', undefined],
    ]);
    const plain = await all(test.client.readStream(links));
    expect(plain.every(({ event, link }) => event?.type === '$>' && link === undefined)).toBe(true);
  });

  it('name a revision as the real server reads it: -1 is the last, signs and spaces are fine', async () => {
    const [target, links] = [newStream(), newStream()];
    await append(target, testEvents(3));
    await append(links, [`-1@${target}`, `+1@${target}`, ` 1 @${target}`, '1@', '-1@', `-1@${newStream()}`].map(linkTo));
    const read = await all(test.client.readStream(links, { resolveLinkTos: true }));
    expect(read.map(({ event, link }) => [event?.revision, link?.type])).toEqual([
      [2n, '$>'], [1n, '$>'], [1n, '$>'], [undefined, '$>'], [undefined, '$>'], [undefined, '$>'],
    ]);
  });
});
