import { status } from '@grpc/grpc-js';
import { callStreams, identifierPart, number, part, type RawAnswer } from './specs/raw-calls';
import { newStream, testEvents, TestServer } from './specs/support';

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

const read = (options: readonly Buffer[], wanted?: number): Promise<RawAnswer> =>
  callStreams(test.server.port, 'Read', [part(1, ...options, part(9, part(2)))], wanted);

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
