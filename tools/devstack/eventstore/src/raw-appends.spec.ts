import { BatchAppendResp } from '@eventstore/db-client/generated/streams_pb';
import { status } from '@grpc/grpc-js';
import { callStreams, identifierPart, number, part, proposalFields, uuidPart, type RawAnswer } from './specs/raw-calls';
import { all, newStream, rejection, testEvents, TestServer } from './specs/support';

let test: TestServer;
beforeAll(async () => {
  test = await TestServer.start();
});
afterAll(() => test.stop());

const ANY = part(4);
const FINAL = number(4, 1);
const options = (field: number, stream: string, ...rest: Buffer[]): Buffer => part(field, identifierPart(stream), ...rest);

const call = (method: 'Append' | 'BatchAppend', messages: readonly Buffer[]): Promise<RawAnswer> => callStreams(test.server.port, method, messages);

describe('memory', () => {
  const MEGABYTE = 1024 * 1024;
  /** However long this machine takes to send them: none is given up before. */
  let patient: TestServer;
  beforeAll(async () => {
    patient = await TestServer.start(undefined, { pendingMs: 60_000 });
  });
  afterAll(() => patient.stop());
  const callPatient = (method: 'Append' | 'BatchAppend', messages: readonly Buffer[]): Promise<RawAnswer> => callStreams(patient.server.port, method, messages);

  it('is bounded for events with long types in appends that are not finished', async () => {
    const proposal = part(3, proposalFields({ type: 'x'.repeat(12 * MEGABYTE) }));
    const messages = Array.from({ length: 6 }, () => Buffer.concat([uuidPart(1), options(2, newStream(), ANY), proposal]));
    expect(await callPatient('BatchAppend', messages)).toMatchObject({ code: status.RESOURCE_EXHAUSTED, messages: [] });
  });

  it('is bounded for stream names in appends that are not finished', async () => {
    const messages = Array.from({ length: 6 }, () => Buffer.concat([uuidPart(1), options(2, 'x'.repeat(12 * MEGABYTE), ANY)]));
    expect(await callPatient('BatchAppend', messages)).toMatchObject({ code: status.RESOURCE_EXHAUSTED, messages: [] });
  });

  it('is bounded for events without data in one append', async () => {
    const id = uuidPart(1);
    const proposals = Buffer.concat(Array<Buffer>(60_000).fill(part(3, proposalFields({ data: '' }))));
    const messages = Array.from({ length: 5 }, (_, n) => Buffer.concat([id, ...(n === 0 ? [options(2, newStream(), ANY)] : []), proposals]));
    expect(await callPatient('BatchAppend', messages)).toMatchObject({ code: status.RESOURCE_EXHAUSTED, messages: [] });
  });

  it('is bounded for events with long types in one append', async () => {
    const proposal = part(2, proposalFields({ type: 'x'.repeat(12 * MEGABYTE) }));
    const messages = [options(1, newStream(), ANY), ...Array<Buffer>(6).fill(proposal)];
    expect(await callPatient('Append', messages)).toMatchObject({ code: status.RESOURCE_EXHAUSTED, messages: [] });
  });

  it('lets many events be appended at once', async () => {
    const stream = newStream();
    const proposals = Buffer.concat(Array<Buffer>(20_000).fill(part(3, proposalFields({ data: '' }))));
    const messages = [Buffer.concat([uuidPart(1), options(2, stream, ANY), proposals, FINAL])];
    expect(await callPatient('BatchAppend', messages)).toMatchObject({ code: status.OK, messages: [expect.any(Buffer)] });
    expect(await patient.client.appendToStream(stream, [])).toMatchObject({ nextExpectedRevision: 19_999n });
  });
});

const PROPOSAL = part(3, proposalFields());
const written = async (stream: string): Promise<number> => (await all(test.client.readStream(stream))).length;
const notWritten = (stream: string): Promise<unknown> => rejection(written(stream));

/** The answers of one batch append call: the kind of the error, or that it is written. */
async function outcomes(...messages: Buffer[]): Promise<string[]> {
  const { messages: answers } = await call('BatchAppend', messages);
  return answers.map((answer) => {
    const response = BatchAppendResp.deserializeBinary(new Uint8Array(answer));
    return response.getError()?.getDetails()?.getTypeUrl().split('.').at(-1) ?? 'written';
  });
}

describe('a batch append on the wire', () => {
  it.each([
    ['no correlation id', Buffer.alloc(0)],
    ['an empty one', part(1)],
    ['one that is no UUID', uuidPart(1, 'nothing')],
  ])('with %s is a bad request, and nothing is written', async (_case, id) => {
    const stream = newStream();
    expect(await outcomes(Buffer.concat([id, options(2, stream, ANY), PROPOSAL, FINAL]), Buffer.concat([id, PROPOSAL, FINAL]))).toEqual(['BadRequest', 'BadRequest']);
    expect(await notWritten(stream)).toMatchObject({ type: 'stream-not-found' });
  });

  it.each([
    ['0 s', part(7), 'Timeout'],
    ['-5 s', part(7, number(1, -5)), 'Timeout'],
    ['-1 ns', part(7, number(2, -1)), 'Timeout'],
    ['30 s', part(7, number(1, 30)), 'written'],
  ])('that may take %s', async (_case, deadline, outcome) => {
    expect(await outcomes(Buffer.concat([uuidPart(1), options(2, newStream(), ANY, deadline), PROPOSAL, FINAL]))).toEqual([outcome]);
  });

  it('merges options that come twice in a message', async () => {
    const stream = newStream();
    expect(await outcomes(Buffer.concat([uuidPart(1), options(2, stream), part(2, ANY), PROPOSAL, FINAL]))).toEqual(['written']);
    expect(await written(stream)).toBe(1);
  });

  it('is refused when a type is not UTF-8', async () => {
    const stream = newStream();
    const proposal = part(3, proposalFields({ type: Buffer.from([0x61, 0xff]) }));
    const answer = await call('BatchAppend', [Buffer.concat([uuidPart(1), options(2, stream, ANY), proposal, FINAL])]);
    expect(answer).toMatchObject({ messages: [], code: status.UNKNOWN });
    expect(await notWritten(stream)).toMatchObject({ type: 'stream-not-found' });
  });

  it('may have the replacement character in a type', async () => {
    const proposal = part(3, proposalFields({ type: 'a\ufffd' }));
    expect(await outcomes(Buffer.concat([uuidPart(1), options(2, newStream(), ANY), proposal, FINAL]))).toEqual(['written']);
  });
});

describe('an append on the wire', () => {
  const event = part(2, proposalFields());

  it.each([
    ['with an event before the options', (first: Buffer) => [event, first]],
    ['with options twice', (first: Buffer) => [first, first, event]],
    ['with options after an event', (first: Buffer) => [first, event, first]],
    ['with an empty message', (first: Buffer) => [first, Buffer.alloc(0), event]],
  ])('%s is refused, and nothing is written', async (_case, messages) => {
    const stream = newStream();
    expect(await call('Append', messages(options(1, stream, ANY)))).toMatchObject({ code: status.UNKNOWN, messages: [] });
    expect(await notWritten(stream)).toMatchObject({ type: 'stream-not-found' });
  });
});

describe('metadata', () => {
  const eventsLeft = async (metadata: string): Promise<number> => {
    const stream = newStream();
    await test.client.appendToStream(stream, testEvents(4));
    expect(await outcomes(Buffer.concat([uuidPart(1), options(2, `$$${stream}`, ANY), part(3, proposalFields({ data: metadata })), FINAL]))).toEqual(['written']);
    return written(stream);
  };

  it.each([
    ['{"$tb":9007199254740993}', 0],
    ['{"$tb":9223372036854775806}', 0],
    ['{"$tb":9223372036854775808}', 4],
    ['{"$acl":"$userStreamAcl","$maxCount":2}', 4],
    ['{"$acl":{"$r":"somebody"},"$maxCount":2}', 2],
    ['{"$acl":{"$r":["a","b"],"$w":"c","$d":"d","$mr":[],"$mw":""},"$maxCount":2}', 2],
    ['{"$acl":{"$r":5},"$maxCount":2}', 4],
    ['{"$acl":{"$r":["a",null]},"$maxCount":2}', 4],
    ['{"$acl":{"$x":"a"},"$maxCount":2}', 4],
    ['{"$cacheControl":-5,"$maxCount":2}', 2],
    ['{"$cacheControl":"5","$maxCount":2}', 4],
    ['{"$cacheControl":1.5,"$maxCount":2}', 4],
    ['{"$cacheControl":922337203686,"$maxCount":2}', 4],
    ['{"$maxAge":922337203686,"$maxCount":2}', 4],
    ['{"$maxAge":0,"$maxCount":2}', 2],
    ['{"$maxCount":2.0}', 4],
    ['{"$maxCount":2e0}', 4],
    ['{"$maxCount":0,"$tb":2}', 2],
    ['{"$maxCount":-1,"$tb":2}', 2],
    ['{"$tb":-1,"$maxCount":1}', 1],
    ['{"$tb":3.0,"$maxCount":1}', 4],
    ['{"$maxCount":2,"$maxCount":3}', 3],
    ['\ufeff{"$maxCount":2}', 2],
    [`{"a":${'['.repeat(63)}${']'.repeat(63)},"$maxCount":2}`, 2],
    [`{"a":${'['.repeat(64)}${']'.repeat(64)},"$maxCount":2}`, 4],
    ['{no metadata', 4],
    ['["$maxCount"]', 4],
  ])('%s leaves %i of 4 events', async (metadata, left) => {
    expect(await eventsLeft(metadata)).toBe(left);
  });

  it.each(["{'$maxCount':2}", '{$maxCount:2}', '{"$maxCount":2,}', '{"$maxCount":0x2}', '{"$tb":1} x', '{"a":NaN,"$tb":1}'])('%s is refused by name', async (metadata) => {
    const stream = newStream();
    await test.client.appendToStream(stream, testEvents(4));
    const event = proposalFields({ data: metadata });
    const reason = 'stream metadata that is no JSON is not supported by the embedded server';
    expect(await call('Append', [options(1, `$$${stream}`, ANY), part(2, event)])).toMatchObject({ code: status.UNIMPLEMENTED, details: expect.stringContaining(reason) });
    expect(await outcomes(Buffer.concat([uuidPart(1), options(2, `$$${stream}`, ANY), part(3, event), FINAL]))).toEqual(['Unknown']);
    expect(await written(stream)).toBe(4);
  });

  it('deletes a stream only with the highest number', async () => {
    expect(await rejection(eventsLeft('{"$tb":9223372036854775807}'))).toMatchObject({ type: 'stream-not-found' });
  });
});
