import { randomUUID } from 'node:crypto';
import { ReadResp } from '@eventstore/db-client/generated/streams_pb';
import { status } from '@grpc/grpc-js';
import { callStreams, identifierPart, number, part, type RawAnswer } from './specs/raw-calls';
import { linkTo, newStream, testEvent, testEvents, TestServer } from './specs/support';

const STREAM = newStream();

let test: TestServer;
beforeAll(async () => {
  test = await TestServer.start();
  await test.client.appendToStream(STREAM, testEvents(2));
});
afterAll(() => test.stop());

const streamTarget = (...from: Buffer[]): Buffer => part(1, identifierPart(STREAM), ...from);
const allTarget = (...from: Buffer[]): Buffer => part(2, ...from);
const revision = (value: bigint): Buffer => number(2, value);
const position = (commit: bigint, prepare: bigint): Buffer => part(1, number(1, commit), number(2, prepare));
const [STREAM_START, STREAM_END, ALL_START] = [part(3), part(4), part(2)];
const [FORWARDS, BACKWARDS] = [number(3, 0), number(3, 1)];
const COUNT = number(5, 10);
const SUBSCRIPTION = part(6);
const PREFIX = part(1, part(2, 'test'));
const WINDOW = number(3, 32);
const MULTIPLIER = number(5, 1);
const filter = (...fields: Buffer[]): Buffer => part(7, ...fields);
const NO_FILTER = part(8);

const [TEXT_IDS, STRUCTURED_IDS] = [part(9, part(2)), part(9, part(1))];

const readRaw = (options: readonly Buffer[], wanted?: number): Promise<RawAnswer> => callStreams(test.server.port, 'Read', [part(1, ...options)], wanted);
const read = (options: readonly Buffer[], wanted?: number): Promise<RawAnswer> => readRaw([...options, TEXT_IDS], wanted);

type Event = ReadResp.ReadEvent.RecordedEvent;
const readEvent = (message: Buffer): ReadResp.ReadEvent | undefined => ReadResp.deserializeBinary(new Uint8Array(message)).getEvent();
const idOf = (event: Event | undefined): string => {
  const halves = event?.getId()?.getStructured();
  const hex = [halves?.getMostSignificantBits(), halves?.getLeastSignificantBits()]
    .map((half) => BigInt.asUintN(64, BigInt(half ?? 0)).toString(16).padStart(16, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
};
const LOWEST_ID = '00000000-0000-0000-0000-000000000001';
const HIGHEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

describe('a read on the wire', () => {
  it.each<[string, Buffer[], number]>([
    ['a stream', [streamTarget(STREAM_START), FORWARDS, COUNT, NO_FILTER], 2],
    ['a stream backwards', [streamTarget(STREAM_END), BACKWARDS, COUNT, NO_FILTER], 2],
    ['a stream backwards from the highest number', [streamTarget(revision(2n ** 64n - 1n)), BACKWARDS, COUNT, NO_FILTER], 2],
    ['a stream from the highest revision', [streamTarget(revision(2n ** 63n - 1n)), FORWARDS, COUNT, NO_FILTER], 0],
    ['$all with a filter', [allTarget(ALL_START), FORWARDS, COUNT, filter(PREFIX, WINDOW, MULTIPLIER)], 2],
    ['$all with a filter without a multiplier', [allTarget(ALL_START), FORWARDS, COUNT, filter(PREFIX, WINDOW)], 2],
  ])('takes %s', async (_case, options, count) => {
    const answer = await read(options);
    expect(answer).toMatchObject({ code: status.OK });
    expect(answer.messages).toHaveLength(count);
  });

  it.each<[string, Buffer[], string]>([
    ['a filter on a stream', [streamTarget(STREAM_START), COUNT, filter(PREFIX, WINDOW, MULTIPLIER)], 'only a read of $all'],
    ['a backwards subscription', [streamTarget(STREAM_START), BACKWARDS, SUBSCRIPTION, NO_FILTER], 'cannot go backwards'],
    ['a direction that there is not', [streamTarget(STREAM_START), number(3, 5), COUNT, NO_FILTER], '5 is no direction'],
    ['neither a filter nor none', [streamTarget(STREAM_START), COUNT], 'a filter or no_filter'],
    ['a filter without a window', [allTarget(ALL_START), SUBSCRIPTION, filter(PREFIX, MULTIPLIER)], 'needs a window'],
  ])('refuses %s as an invalid argument', async (_case, options, details) => {
    expect(await read(options, 1)).toEqual({ code: status.INVALID_ARGUMENT, details: expect.stringContaining(details), messages: [] });
  });

  it.each<[string, Buffer[], string]>([
    ['a checkpoint multiplier of 0', [allTarget(ALL_START), SUBSCRIPTION, filter(PREFIX, WINDOW, number(5, 0))], 'multiplier must be positive'],
    ['no place in a stream', [streamTarget(), COUNT, NO_FILTER], 'needs a revision'],
    ['a prepare above the commit position', [allTarget(position(0n, 5n)), COUNT, NO_FILTER], 'prepare position 5'],
    ['a revision above the highest', [streamTarget(revision(2n ** 63n)), BACKWARDS, COUNT, NO_FILTER], 'is no revision'],
    ['the highest number forwards', [streamTarget(revision(2n ** 64n - 1n)), FORWARDS, COUNT, NO_FILTER], 'forwards from the end'],
  ])('refuses %s as unknown', async (_case, options, details) => {
    expect(await read(options, 1)).toEqual({ code: status.UNKNOWN, details: expect.stringContaining(details), messages: [] });
  });
});

describe('structured ids', () => {
  const IDS = [LOWEST_ID, HIGHEST_ID, randomUUID()];
  const EVENTS = IDS.map((id, index) => ({ ...testEvent(index), id }));

  it('are two halves of the same id, and change nothing else', async () => {
    const stream = newStream();
    await test.client.appendToStream(stream, EVENTS);
    const options = [part(1, identifierPart(stream), STREAM_START), COUNT, NO_FILTER];
    const [structured, text] = await Promise.all([readRaw([...options, STRUCTURED_IDS]), read(options)]);
    const events = structured.messages.map((message) => readEvent(message)?.getEvent());
    expect(events.map(idOf)).toEqual(IDS);
    const withoutId = (event: Event | undefined): unknown => ({ ...event?.toObject(), id: undefined });
    expect(events.map(withoutId)).toEqual(text.messages.map((message) => withoutId(readEvent(message)?.getEvent())));
  });

  it('are in subscriptions too, and in links', async () => {
    const [stream, links] = [newStream(), newStream()];
    await test.client.appendToStream(stream, EVENTS);
    const link = { ...linkTo(`1@${stream}`), id: randomUUID() };
    await test.client.appendToStream(links, link);
    const options = [part(1, identifierPart(links), STREAM_START), number(4, 1), SUBSCRIPTION, NO_FILTER, STRUCTURED_IDS];
    const { messages } = await readRaw(options, 2);
    const resolved = messages.map(readEvent).find((event) => event);
    expect([idOf(resolved?.getEvent()), idOf(resolved?.getLink())]).toEqual([HIGHEST_ID, link.id]);
  });
});
