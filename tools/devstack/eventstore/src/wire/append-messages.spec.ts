import { Timestamp } from 'google-protobuf/google/protobuf/timestamp_pb';
import { Empty, UUID } from '@eventstore/db-client/generated/shared_pb';
import { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb';
import fc from 'fast-check';
import { batchResponse } from '../services/batch-response';
import { ROUNDS, SEED } from '../specs/support';
import { decodeBatchAppend, type AppendOptions } from './append-messages';
import { identifierOf } from './messages';
import { MalformedMessageError } from './protobuf-reader';

const PARAMETERS = { seed: SEED, numRuns: 200 * ROUNDS };
const HIGHEST = 2n ** 64n - 1n;

const expectedRevision = fc.oneof(fc.bigInt({ min: 0n, max: HIGHEST }), fc.constantFrom('any', 'no_stream', 'stream_exists'));
const anEvent = fc.record({
  id: fc.uuid(), type: fc.string({ unit: 'grapheme', minLength: 1 }), isJson: fc.boolean(), data: fc.uint8Array(), metadata: fc.uint8Array(),
});
const anAppend = fc.record({
  correlationId: fc.uuid(),
  stream: fc.string({ unit: 'grapheme' }),
  expected: expectedRevision,
  deadline: fc.option(fc.integer({ min: 0, max: 4e12 }), { nil: undefined }),
  events: fc.array(anEvent, { maxLength: 4 }),
  isFinal: fc.boolean(),
});
type Append = typeof anAppend extends fc.Arbitrary<infer T> ? T : never;

const uuid = (id: string): UUID => {
  const message = new UUID();
  message.setString(id);
  return message;
};

const structured = (id: string): UUID => {
  const half = (hex: string): string => BigInt.asIntN(64, BigInt(`0x${hex}`)).toString();
  const digits = id.replaceAll('-', '');
  const halves = new UUID.Structured();
  halves.setMostSignificantBits(half(digits.slice(0, 16)));
  halves.setLeastSignificantBits(half(digits.slice(16)));
  const message = new UUID();
  return message.setStructured(halves);
};

function optionsOf({ stream, expected, deadline }: Append): BatchAppendReq.Options {
  const options = new BatchAppendReq.Options();
  options.setStreamIdentifier(identifierOf(stream));
  if (expected === 'any') options.setAny(new Empty());
  else if (expected === 'no_stream') options.setNoStream(new Empty());
  else if (expected === 'stream_exists') options.setStreamExists(new Empty());
  else options.setStreamPosition(String(expected));
  if (deadline !== undefined) options.setDeadline(Timestamp.fromDate(new Date(deadline)));
  return options;
}

/** The message as the client makes it, by google-protobuf. */
function messageOf(append: Append): Buffer {
  const message = new BatchAppendReq();
  message.setCorrelationId(uuid(append.correlationId));
  message.setOptions(optionsOf(append));
  message.setIsFinal(append.isFinal);
  for (const { id, type, isJson, data, metadata } of append.events) {
    const proposed = new BatchAppendReq.ProposedMessage();
    proposed.setId(isJson ? uuid(id) : structured(id));
    proposed.getMetadataMap().set('type', type).set('content-type', isJson ? 'application/json' : 'application/octet-stream');
    proposed.setData(data);
    proposed.setCustomMetadata(metadata);
    message.addProposedMessages(proposed);
  }
  return Buffer.from(message.serializeBinary());
}

const plainBytes = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

const optionsFor = (append: Append): AppendOptions => {
  const { options } = decodeBatchAppend(messageOf(append));
  if (!options) throw new Error('no options');
  return options;
};

describe('a batch append on the wire', () => {
  beforeAll(() => process.stdout.write(`seed ${SEED}\n`));

  it('is decoded as google-protobuf encodes it', () => {
    fc.assert(fc.property(anAppend, (append) => {
      const { correlationId, options, proposals, isFinal } = decodeBatchAppend(messageOf(append));
      const events = proposals.map((read) => {
        if (!('event' in read)) return read;
        return { ...read.event, data: plainBytes(read.event.data), metadata: plainBytes(read.event.metadata) };
      });
      const decoded = { correlationId, stream: options?.stream, expected: options?.expected, deadline: options?.deadline, events, isFinal };
      expect(decoded).toEqual(append);
    }), PARAMETERS);
  });

  it('is refused when it is cut off', () => {
    fc.assert(fc.property(anAppend, fc.nat(), (append, at) => {
      const whole = messageOf({ ...append, isFinal: false, events: [] });
      const lastField = decodeBatchAppend(whole).correlationUuid?.length ?? 0;
      const length = lastField + 3 + (at % (whole.length - lastField - 3));
      expect(() => decodeBatchAppend(whole.subarray(0, length))).toThrow(MalformedMessageError);
    }), PARAMETERS);
  });

  it('never reads past the end of what came, whatever it is', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => {
      try {
        decodeBatchAppend(Buffer.from(noise));
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedMessageError);
      }
    }), PARAMETERS);
  });

  it('takes no notice of fields that it does not know', () => {
    const unknown = Buffer.from([0x78, 0x96, 0x01, 0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x7a, 2, 0xff, 0xff, 0x7d, 1, 2, 3, 4]);
    expect(decodeBatchAppend(Buffer.concat([unknown, Buffer.from([0x20, 1])]))).toMatchObject({ isFinal: true, proposals: [] });
  });

  it('has a deadline in the past when that is before 1970', () => {
    const options = new BatchAppendReq.Options();
    options.setDeadline(Timestamp.fromDate(new Date(-1)));
    const message = new BatchAppendReq();
    message.setOptions(options);
    expect(decodeBatchAppend(Buffer.from(message.serializeBinary())).options?.deadline).toBe(0);
  });

  it('names what an event lacks', () => {
    const proposed = new BatchAppendReq.ProposedMessage();
    proposed.getMetadataMap().set('type', 'counted');
    const message = new BatchAppendReq();
    message.addProposedMessages(proposed);
    expect(decodeBatchAppend(Buffer.from(message.serializeBinary())).proposals).toEqual([{ missing: 'content-type' }]);
  });
});

describe('the answer to a batch append', () => {
  const revision = fc.oneof(fc.constant(-1), fc.nat(), fc.maxSafeNat());
  const position = fc.option(fc.maxSafeNat(), { nil: undefined });

  it('is read by google-protobuf', () => {
    fc.assert(fc.property(anAppend, revision, position, (append, written, at) => {
      const correlationUuid = Buffer.from(uuid(append.correlationId).serializeBinary());
      const bytes = batchResponse({ correlationUuid, options: optionsFor(append) }, { revision: written, position: at });
      const answer = BatchAppendResp.deserializeBinary(bytes);
      const success = answer.getSuccess();
      expect(answer.getCorrelationId()?.getString()).toBe(append.correlationId);
      expect(Buffer.from(answer.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe(append.stream);
      expect(answer.getExpectedStreamPositionCase()).toBe(BatchAppendResp.ExpectedStreamPositionCase.EXPECTED_STREAM_POSITION_NOT_SET);
      expect(success?.hasNoStream() ? -1 : Number(success?.getCurrentRevision())).toBe(written);
      expect(success?.hasNoPosition() ? undefined : Number(success?.getPosition()?.getCommitPosition())).toBe(at);
      expect(success?.getPosition()?.getPreparePosition()).toBe(success?.getPosition()?.getCommitPosition());
    }), PARAMETERS);
  });
});
