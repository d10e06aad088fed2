import fc from 'fast-check';
import { rounds, seed } from '@ferry/testing/specs';
import { DEFAULT_LIMITS } from './limits';
import type { Operation } from './operation';
import { ProtocolParser } from './protocol-parser';

const token = fc.stringMatching(/^[a-zA-Z0-9_$*>-]{1,12}$/);
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'));
const payload = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const blank = fc.constantFrom(' ', '\t', '  ');

interface Said {
  bytes: Buffer;
  operation: Operation;
}

const publishParts = fc.record({ subject, reply: fc.option(subject, { nil: undefined }), payload, blank });
const publish = publishParts.map(({ subject, reply, payload, blank }): Said => {
  const line = ['PUB', subject, ...(reply === undefined ? [] : [reply]), payload.length].join(blank);
  const body = Buffer.concat([payload, Buffer.from('\r\n')]);
  const message = { subject, reply, headerSize: 0, size: payload.length, body };
  return { bytes: Buffer.concat([Buffer.from(`${line}\r\n`), body]), operation: { type: 'PUB', hasHeaders: false, message } };
});
const headerParts = fc.record({ subject, value: fc.stringMatching(/^\w{0,20}$/), payload });
const publishWithHeaders = headerParts.map(({ subject, value, payload }): Said => {
  const header = Buffer.from(`NATS/1.0\r\nKey: ${value}\r\n\r\n`);
  const body = Buffer.concat([header, payload, Buffer.from('\r\n')]);
  const size = header.length + payload.length;
  const message = { subject, reply: undefined, headerSize: header.length, size, body };
  const line = Buffer.from(`HPUB ${subject} ${header.length} ${size}\r\n`);
  return { bytes: Buffer.concat([line, body]), operation: { type: 'PUB', hasHeaders: true, message } };
});
const subscribe = fc.record({ subject, queue: token, sid: token }).map(({ subject, queue, sid }): Said => ({
  bytes: Buffer.from(`SUB ${subject} ${queue} ${sid}\r\n`),
  operation: { type: 'SUB', subject, queue, sid },
}));
const unsubscribe = fc.record({ sid: token, max: fc.nat(1_000) }).map(({ sid, max }): Said => ({
  bytes: Buffer.from(`UNSUB ${sid} ${max}\r\n`),
  operation: { type: 'UNSUB', sid, max },
}));
const ping = fc.constantFrom('PING' as const, 'PONG' as const).map((type): Said => ({
  bytes: Buffer.from(`${type}\r\n`),
  operation: { type },
}));
const conversation = fc.array(fc.oneof(publish, publishWithHeaders, subscribe, unsubscribe, ping), { maxLength: 30 });

const parser = () => new ProtocolParser(DEFAULT_LIMITS);

function parse(chunks: Buffer[]): Operation[] {
  const reading = parser();
  return chunks.flatMap((chunk) => [...reading.operations(chunk)]);
}

function cut(bytes: Buffer, sizes: number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let offset = 0, index = 0; offset < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] as number;
    chunks.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return chunks;
}

describe('ProtocolParser', () => {
  it('reads the same operations however the bytes are cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(conversation, sizes, (said, sizes) => {
        const bytes = Buffer.concat(said.map((each) => each.bytes));
        const expected = said.map((each) => each.operation);
        expect(parse([bytes])).toEqual(expected);
        expect(parse(cut(bytes, sizes))).toEqual(expected);
        expect(parse(cut(bytes, [1]))).toEqual(expected);
      }),
      { seed: seed(), numRuns: rounds(200) },
    );
  });

  it('takes any bytes without another error than its own', () => {
    const scrap = fc.constantFrom('PUB ', 'a 3\r\n', 'HPUB a', '\r\n', ' 1', 'SUB ', 'CONNECT {').map((text) => Buffer.from(text));
    const noise = fc.array(fc.oneof(payload, scrap));
    fc.assert(
      fc.property(noise, (chunks) => {
        try {
          parse(chunks);
        } catch (error) {
          expect(error).toMatchObject({ name: 'ProtocolError', message: expect.stringMatching(/^[A-Za-z ]+$/) });
        }
      }),
      { seed: seed(), numRuns: rounds(500) },
    );
  });

  it('does not keep more than a control line of a line that never ends', () => {
    const reading = parser();
    const feed = () => {
      for (let fed = 0; fed <= DEFAULT_LIMITS.maxControlLine; fed += 64) Array.from(reading.operations(Buffer.alloc(64, 'PUB ')));
    };
    expect(feed).toThrow('maximum control line exceeded');
  });

  it('takes arguments of exactly the limit', () => {
    const line = `${'a'.repeat(DEFAULT_LIMITS.maxControlLine - 2)} 1`;
    expect(line).toHaveLength(DEFAULT_LIMITS.maxControlLine);
    expect(parse([Buffer.from(`SUB ${line}\r\n`)])).toHaveLength(1);
    expect(() => parse([Buffer.from(`SUB a${line}\r\n`)])).toThrow('maximum control line exceeded');
  });
});
