import { randomUUID } from 'node:crypto';
import {
  ANY, ErrorType, jsonEvent, NO_STREAM, STREAM_EXISTS, type AppendResult, type AppendToStreamOptions, type EventData,
} from '@eventstore/db-client';
import { all, newStream, rawEvent, rejection, revisions, testEvent, testEvents, TestServer } from './specs/support';

let test: TestServer;
beforeAll(async () => {
  test = await TestServer.start();
});
afterAll(() => test.stop());

const append = (stream: string, events: EventData | EventData[], options?: AppendToStreamOptions): Promise<AppendResult> =>
  test.client.appendToStream(stream, events, options);
const credentials = { username: 'anybody', password: 'anything' };

describe.each([
  ['BatchAppend', {}],
  ['Append', { credentials }],
])('appending with %s', (_, options) => {
  it('numbers the events of a stream and gives the position of the last one', async () => {
    const stream = newStream();
    const first = await append(stream, testEvents(3), { ...options, expectedRevision: NO_STREAM });
    const second = await append(stream, testEvent(), { ...options, expectedRevision: 2n });
    const read = await all(test.client.readStream(stream));
    expect([first.nextExpectedRevision, second.nextExpectedRevision]).toEqual([2n, 3n]);
    expect(revisions(read)).toEqual([0n, 1n, 2n, 3n]);
    expect([read[2]?.event?.position, read[3]?.event?.position]).toEqual([first.position, second.position]);
  });

  it('keeps id, type, data, metadata and time', async () => {
    const stream = newStream('ünï');
    const before = Date.now();
    const event = jsonEvent({ id: randomUUID(), type: 'Ängstlich', data: { text: '…ß' }, metadata: { by: 'me' } });
    await append(stream, [event, rawEvent('Binary', '\0\xff')], options);
    const [json, binary] = (await all(test.client.readStream(stream))).map((read) => read.event);
    expect(json).toMatchObject({ streamId: stream, id: event.id, type: event.type, data: event.data, metadata: event.metadata, isJson: true });
    expect(binary).toMatchObject({ type: 'Binary', isJson: false });
    expect(Buffer.from(binary?.data as Uint8Array).toString()).toBe('\0\xff');
    expect(json?.created.getTime()).toBeGreaterThanOrEqual(before);
    expect(json?.created.getTime()).toBeLessThanOrEqual(Date.now());
  });

  it.each([
    ['a missing stream', 0, 5n, 'no_stream'],
    ['a stream that must not exist', 2, NO_STREAM, 1n],
    ['a stream that must exist', 0, STREAM_EXISTS, 'no_stream'],
    ['a revision ahead', 2, 2n, 1n],
    ['a revision behind', 3, 1n, 2n],
  ] as const)('refuses a wrong expected revision: %s', async (_case, count, expectedRevision, actualVersion) => {
    const stream = newStream();
    if (count > 0) await append(stream, testEvents(count));
    const error = await rejection(append(stream, testEvent(), { ...options, expectedRevision }));
    expect(error).toMatchObject({ type: ErrorType.WRONG_EXPECTED_VERSION, streamName: stream, actualVersion, expectedVersion: expectedRevision });
  });

  it('refuses more than 1 MiB of data, and takes exactly that', async () => {
    const stream = newStream();
    const error = await rejection(append(stream, [rawEvent('Big', 'x'.repeat(1024 * 1024)), rawEvent('Big', 'x')], options));
    expect(error).toMatchObject({ type: ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED, maxAppendSize: 1024 * 1024 });
    const taken = await append(stream, rawEvent('Big', 'x'.repeat(1024 * 1024)), { ...options, expectedRevision: NO_STREAM });
    expect(taken.nextExpectedRevision).toBe(0n);
  });

  it('refuses a tombstoned stream', async () => {
    const stream = newStream();
    await test.client.tombstoneStream(stream);
    const error = await rejection(append(stream, testEvent(), options));
    expect(error).toMatchObject({ type: ErrorType.STREAM_DELETED, streamName: stream });
  });

  it.each(['', '$$'])('refuses the stream name "%s"', async (stream) => {
    expect(await rejection(append(stream, testEvent(), options))).toMatchObject({ type: ErrorType.UNKNOWN });
  });

  it('refuses an empty event type', async () => {
    expect(await rejection(append(newStream(), testEvent(0, ''), options))).toMatchObject({ type: ErrorType.UNKNOWN });
  });

  it('writes nothing for no events, and gives a position', async () => {
    const stream = newStream();
    const before = await append(stream, testEvents(2));
    const result = await append(stream, [], { ...options, expectedRevision: 1n });
    expect(result).toMatchObject({ nextExpectedRevision: 1n, position: before.position });
    expect(await all(test.client.readStream(stream))).toHaveLength(2);
  });
});

describe('many appends at once', () => {
  it('gives each its own revision', async () => {
    const stream = newStream();
    const results = await Promise.all(testEvents(100).map((event) => append(stream, event)));
    const given = results.map(({ nextExpectedRevision }) => Number(nextExpectedRevision)).sort((a, b) => a - b);
    expect(given).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  it('lets one of several win that expect the same revision', async () => {
    const stream = newStream();
    const outcomes = await Promise.allSettled(testEvents(20).map((event) => append(stream, event, { expectedRevision: NO_STREAM })));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('takes an append in several messages', async () => {
    const stream = newStream();
    const events = Array.from({ length: 50 }, () => rawEvent('Part', 'x'.repeat(10_000)));
    const result = await append(stream, events, { batchAppendSize: 64 * 1024, expectedRevision: NO_STREAM });
    expect(result.nextExpectedRevision).toBe(49n);
  });
});

describe('a repeated append', () => {
  it('is answered as the first time when it names a past revision', async () => {
    const stream = newStream();
    const events = testEvents(2);
    const first = await append(stream, events, { expectedRevision: NO_STREAM });
    await append(stream, testEvent(), { expectedRevision: 1n });
    expect(await append(stream, events, { expectedRevision: NO_STREAM })).toEqual(first);
    expect(await append(stream, events.slice(0, 1), { expectedRevision: NO_STREAM })).toMatchObject({ nextExpectedRevision: 0n });
    expect(await all(test.client.readStream(stream))).toHaveLength(3);
  });

  it('is written again when it names the current revision', async () => {
    const stream = newStream();
    const event = testEvent();
    await append(stream, event, { expectedRevision: NO_STREAM });
    expect(await append(stream, event, { expectedRevision: 0n })).toMatchObject({ nextExpectedRevision: 1n });
  });

  it.each([ANY, STREAM_EXISTS] as const)('is found by its ids with %s, in any order', async (expectedRevision) => {
    const stream = newStream();
    const events = testEvents(3);
    const first = await append(stream, events);
    await append(stream, testEvent());
    expect(await append(stream, events, { expectedRevision })).toEqual(first);
    expect(await append(stream, events.toReversed(), { expectedRevision })).toMatchObject({ nextExpectedRevision: 0n });
    expect(await all(test.client.readStream(stream))).toHaveLength(4);
  });

  it.each([ANY, NO_STREAM] as const)('is refused with %s when only its beginning is known', async (expectedRevision) => {
    const stream = newStream();
    const event = testEvent();
    await append(stream, event);
    const error = await rejection(append(stream, [event, testEvent()], { expectedRevision }));
    expect(error).toMatchObject({ type: ErrorType.WRONG_EXPECTED_VERSION });
  });

  it('is new in another stream', async () => {
    const event = testEvent();
    await append(newStream(), event);
    expect(await append(newStream(), event)).toMatchObject({ nextExpectedRevision: 0n });
  });
});
