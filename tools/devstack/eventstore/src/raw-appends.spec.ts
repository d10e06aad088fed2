import { status } from '@grpc/grpc-js';
import { callStreams, identifierPart, number, part, proposalFields, uuidPart, type RawAnswer } from './specs/raw-calls';
import { newStream, TestServer } from './specs/support';

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

  it('is bounded for events with long types in appends that are not finished', async () => {
    const proposal = part(3, proposalFields({ type: 'x'.repeat(12 * MEGABYTE) }));
    const messages = Array.from({ length: 6 }, () => Buffer.concat([uuidPart(1), options(2, newStream(), ANY), proposal]));
    expect(await call('BatchAppend', messages)).toMatchObject({ code: status.RESOURCE_EXHAUSTED, messages: [] });
  });

  it('is bounded for stream names in appends that are not finished', async () => {
    const messages = Array.from({ length: 6 }, () => Buffer.concat([uuidPart(1), options(2, 'x'.repeat(12 * MEGABYTE), ANY)]));
    expect(await call('BatchAppend', messages)).toMatchObject({ code: status.RESOURCE_EXHAUSTED, messages: [] });
  });

  it('is bounded for events without data in one append', async () => {
    const id = uuidPart(1);
    const proposals = Buffer.concat(Array<Buffer>(60_000).fill(part(3, proposalFields({ data: '' }))));
    const messages = Array.from({ length: 5 }, (_, n) => Buffer.concat([id, ...(n === 0 ? [options(2, newStream(), ANY)] : []), proposals]));
    expect(await call('BatchAppend', messages)).toMatchObject({ code: status.RESOURCE_EXHAUSTED, messages: [] });
  });

  it('is bounded for events with long types in one append', async () => {
    const proposal = part(2, proposalFields({ type: 'x'.repeat(12 * MEGABYTE) }));
    const messages = [options(1, newStream(), ANY), ...Array<Buffer>(6).fill(proposal)];
    expect(await call('Append', messages)).toMatchObject({ code: status.RESOURCE_EXHAUSTED, messages: [] });
  });

  it('lets many events be appended at once', async () => {
    const stream = newStream();
    const proposals = Buffer.concat(Array<Buffer>(20_000).fill(part(3, proposalFields({ data: '' }))));
    const messages = [Buffer.concat([uuidPart(1), options(2, stream, ANY), proposals, FINAL])];
    expect(await call('BatchAppend', messages)).toMatchObject({ code: status.OK, messages: [expect.any(Buffer)] });
    expect(await test.client.appendToStream(stream, [])).toMatchObject({ nextExpectedRevision: 19_999n });
  });
});
