import { AppendResp, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb';
import { WrongExpectedVersion } from '@eventstore/db-client/generated/shared_pb';
import { status } from '@grpc/grpc-js';
import { callStreams, identifierPart, number, part, proposalFields, uuidPart, type RawAnswer } from './specs/raw-calls';
import { all, newStream, rejection, testEvents, TestServer } from './specs/support';

let test: TestServer;
beforeAll(async () => {
  test = await TestServer.start();
});
afterAll(() => test.stop());

type Method = 'Append' | 'BatchAppend' | 'Delete' | 'Tombstone' | 'Read';
const call = (method: Method, messages: readonly Buffer[]): Promise<RawAnswer> => callStreams(test.server.port, method, messages);

const [NO_STREAM, ANY, STREAM_EXISTS, FINAL] = [part(3), part(4), part(5), number(4, 1)];
const PROPOSAL = part(3, proposalFields());
const options = (stream: string, ...rest: Buffer[]): Buffer => part(2, identifierPart(stream), ...rest);
const batch = (stream: string, ...rest: Buffer[]): Buffer => Buffer.concat([uuidPart(1), options(stream, ...rest), PROPOSAL, FINAL]);
const responses = ({ messages }: RawAnswer): BatchAppendResp[] => messages.map((message) => BatchAppendResp.deserializeBinary(new Uint8Array(message)));

interface Outcome {
  readonly kind: string;
  readonly code: number | undefined;
  readonly message: string | undefined;
}
const outcomeOf = (response: BatchAppendResp): Outcome => {
  const error = response.getError();
  return { kind: error?.getDetails()?.getTypeUrl() ?? 'written', code: error?.getCode(), message: error?.getMessage() };
};
const outcomes = async (...messages: Buffer[]): Promise<Outcome[]> => responses(await call('BatchAppend', messages)).map(outcomeOf);
const refused = (kind: string, code: number): Outcome => ({ kind: `type.googleapis.com/event_store.client.${kind}`, code, message: kind });
const WRITTEN: Outcome = { kind: 'written', code: undefined, message: undefined };

const written = async (stream: string): Promise<number> => (await all(test.client.readStream(stream))).length;
const streamOf = async (events: number): Promise<string> => {
  const stream = newStream();
  if (events > 0) await test.client.appendToStream(stream, testEvents(events));
  return stream;
};

describe('a batch append that is refused', () => {
  it('has the code of its kind', async () => {
    const [existing, tombstoned] = [await streamOf(2), await streamOf(1)];
    await test.client.tombstoneStream(tombstoned);
    expect(await outcomes(batch(existing, NO_STREAM))).toEqual([refused('WrongExpectedVersion', 6)]);
    expect(await outcomes(batch(newStream(), STREAM_EXISTS))).toEqual([refused('WrongExpectedVersion', 6)]);
    expect(await outcomes(batch(tombstoned, ANY))).toEqual([refused('StreamDeleted', 5)]);
    const large = part(3, proposalFields({ data: 'x'.repeat(1_100_000) }));
    expect(await outcomes(Buffer.concat([uuidPart(1), options(newStream(), ANY), large, FINAL]))).toEqual([refused('MaximumAppendSizeExceeded', 3)]);
  });

  it.each<[string, Buffer, Buffer?]>([
    ['no stream name', options('', ANY)],
    ['no expected revision', options('s')],
    ['an empty type', options('s', ANY), part(3, proposalFields({ type: '' }))],
    ['an id that is none', options('s', ANY), part(3, proposalFields({ id: 'nothing' }))],
    ['no type', options('s', ANY), part(3, uuidPart(1), part(2, part(1, 'content-type'), part(2, 'application/json')))],
  ])('for %s is a bad request', async (_case, asked, proposal = PROPOSAL) => {
    expect(await outcomes(Buffer.concat([uuidPart(1), asked, proposal, FINAL]))).toEqual([refused('BadRequest', 3)]);
  });

  it('is answered before it is final, and what still comes of it is not heeded', async () => {
    const [id, stream] = [uuidPart(1), newStream()];
    const wrong = part(3, proposalFields({ type: '' }));
    expect(await outcomes(Buffer.concat([id, options(stream, ANY), wrong]), Buffer.concat([id, PROPOSAL, FINAL]))).toEqual([refused('BadRequest', 3)]);
    expect(await rejection(written(stream))).toMatchObject({ type: 'stream-not-found' });
  });
});

describe('the answer to a batch append', () => {
  it('does not say what was expected', async () => {
    for (const expected of [ANY, NO_STREAM, number(2, 5)]) {
      const [response] = responses(await call('BatchAppend', [batch(newStream(), expected)]));
      expect(response?.getExpectedStreamPositionCase()).toBe(BatchAppendResp.ExpectedStreamPositionCase.EXPECTED_STREAM_POSITION_NOT_SET);
    }
  });
});

describe('a part of a batch append', () => {
  it('without options that belongs to no append is not heeded; the call goes on', async () => {
    const [id, stream, other] = [uuidPart(1), newStream(), newStream()];
    const late = Buffer.concat([id, options(stream, ANY), PROPOSAL, FINAL]);
    expect(await outcomes(Buffer.concat([id, PROPOSAL]), late, Buffer.concat([id, PROPOSAL, FINAL]), batch(other, ANY))).toEqual([WRITTEN, WRITTEN]);
    expect([await written(stream), await written(other)]).toEqual([1, 1]);
  });

  it.each([
    ['two seconds', [], 1_900],
    ['two seconds, also when it may take a hundred days', [part(7, number(1, 8_640_000))], 1_900],
    ['the time that it may take', [part(7, number(2, 200_000_000))], 150],
  ])('that is never followed by the last one times out after %s', async (_case, rest, least) => {
    const [stream, startedAt] = [newStream(), performance.now()];
    expect(await outcomes(Buffer.concat([uuidPart(1), options(stream, ANY, ...rest), PROPOSAL]))).toEqual([refused('Timeout', 4)]);
    expect(performance.now() - startedAt).toBeGreaterThan(least);
    expect(await rejection(written(stream))).toMatchObject({ type: 'stream-not-found' });
  });
});

describe('an expected revision of 2^64 - 1', () => {
  const HIGHEST = number(2, 2n ** 64n - 1n);

  it('is no stream, for a batch append', async () => {
    expect(await outcomes(batch(newStream(), HIGHEST))).toEqual([WRITTEN]);
    const [response] = responses(await call('BatchAppend', [batch(await streamOf(2), HIGHEST)]));
    const details = WrongExpectedVersion.deserializeBinary(response?.getError()?.getDetails()?.getValue_asU8() ?? new Uint8Array());
    expect([details.getCurrentStreamRevision(), details.hasExpectedNoStream()]).toEqual(['1', true]);
  });

  it('is no stream, for a single append', async () => {
    const messages = (stream: string): Buffer[] => [part(1, identifierPart(stream), HIGHEST), part(2, proposalFields())];
    const answerOf = async (stream: string): Promise<AppendResp> => {
      const { messages: [bytes = Buffer.alloc(0)] } = await call('Append', messages(stream));
      return AppendResp.deserializeBinary(new Uint8Array(bytes));
    };
    expect((await answerOf(newStream())).getSuccess()?.getCurrentRevision()).toBe('0');
    expect((await answerOf(await streamOf(2))).getWrongExpectedVersion()?.getExpectedRevision()).toBe('18446744073709551615');
  });

  it.each(['Delete', 'Tombstone'] as const)('is no stream, for %s', async (method) => {
    const stream = await streamOf(2);
    expect(await call(method, [part(1, identifierPart(stream), HIGHEST)])).toMatchObject({
      code: status.FAILED_PRECONDITION, details: `Delete failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: -1, Actual version: 1`,
    });
  });

  it.each([2n ** 63n, 2n ** 64n - 2n])('is the only one above 2^63 - 1: %d is refused', async (revision) => {
    const stream = await streamOf(2);
    const named = part(1, identifierPart(stream), number(2, revision));
    expect(await outcomes(batch(stream, number(2, revision)))).toEqual([refused('BadRequest', 3)]);
    expect(await call('Append', [named, part(2, proposalFields())])).toMatchObject({ code: status.UNKNOWN, messages: [] });
    for (const method of ['Delete', 'Tombstone'] as const) expect(await call(method, [named])).toMatchObject({ code: status.UNKNOWN, messages: [] });
    expect(await written(stream)).toBe(2);
  });
});

it.each(['Append', 'Delete', 'Tombstone'] as const)('%s without an expected revision is an invalid argument', async (method) => {
  const named = part(1, identifierPart(await streamOf(1)));
  const messages = method === 'Append' ? [named, part(2, proposalFields())] : [named];
  expect(await call(method, messages)).toMatchObject({ code: status.INVALID_ARGUMENT, messages: [] });
});

describe('bytes on the wire', () => {
  const [start, end] = [Buffer.from([0xa3, 1]), Buffer.from([0xa4, 1])];
  const group = Buffer.concat([start, number(1, 5), Buffer.from([0x1b]), part(2, 'x'), Buffer.from([0x1c]), end]);

  it('may have groups that nobody knows, as messages were nested once', async () => {
    const stream = newStream();
    expect(await outcomes(Buffer.concat([group, batch(stream, ANY, group), group]))).toEqual([WRITTEN]);
    expect(await call('Append', [Buffer.concat([part(1, identifierPart(stream), ANY, group), group]), part(2, proposalFields())])).toMatchObject({ code: status.OK });
    expect(await written(stream)).toBe(2);
  });

  it.each<[string, Buffer]>([
    ['a group without end', Buffer.concat([start, number(1, 5)])],
    ['the end of no group', end],
    ['a group that another one ends', Buffer.concat([start, Buffer.from([0x1c])])],
    ['groups in each other without end', Buffer.alloc(100_000, start)],
    ['a number without end', Buffer.from([0xff, 0xff, 0xff])],
    ['a text that is cut off', Buffer.from([0x0a, 0x10, 1])],
    ['a field of an unknown kind', Buffer.from([0x0f, 1])],
  ])('that are %s are an unknown error', async (_case, garbled) => {
    expect(await call('BatchAppend', [Buffer.concat([batch(newStream(), ANY), garbled])])).toMatchObject({ code: status.UNKNOWN, messages: [] });
    for (const method of ['Append', 'Delete', 'Tombstone', 'Read'] as const) expect(await call(method, [garbled])).toMatchObject({ code: status.UNKNOWN, messages: [] });
  });
});
