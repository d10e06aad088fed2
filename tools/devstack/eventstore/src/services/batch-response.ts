import { Code } from '@eventstore/db-client/generated/code_pb';
import {
  BadRequest, MaximumAppendSizeExceeded, StreamDeleted, Timeout, Unknown, WrongExpectedVersion,
} from '@eventstore/db-client/generated/shared_pb';
import { Status } from '@eventstore/db-client/generated/status_pb';
import { Any } from 'google-protobuf/google/protobuf/any_pb';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb';
import { NO_REVISION, NO_STREAM_REVISION, type ExpectedRevision } from '../records';
import type { AppendOptions } from '../wire/append-messages';
import { identifierOf } from '../wire/messages';
import { fieldSize, ProtobufWriter, varintSize } from '../wire/protobuf-writer';
import { MAX_APPEND_BYTES } from '../wire/status';

export type BatchRefusal =
  | { kind: 'wrong-expected-version'; current: number; expected: ExpectedRevision }
  | { kind: 'stream-deleted' }
  | { kind: 'maximum-append-size-exceeded' }
  | { kind: 'timeout' }
  | { kind: 'bad-request'; reason: string }
  | { kind: 'unknown'; reason: string };

interface Asked {
  readonly correlationUuid: Buffer | undefined;
  /** Undefined where the message had none. */
  readonly options: AppendOptions | undefined;
}

interface Details {
  serializeBinary(): Uint8Array;
}

/** BatchAppendResp of streams.proto, encoded by hand. What was expected is not in it, as from the real server. */
export function batchResponse(asked: Asked, { revision, position }: { revision: number; position: number | undefined }): Uint8Array {
  const positionSize = position === undefined ? 0 : 2 * (1 + varintSize(position));
  const size = (revision === NO_REVISION ? fieldSize(0) : 1 + varintSize(revision)) + fieldSize(positionSize);
  return envelope(asked, fieldSize(size), (writer) => {
    writer.header(3, size);
    if (revision === NO_REVISION) writer.empty(2);
    else writer.number(1, revision);
    if (position === undefined) return writer.empty(4);
    writer.header(3, positionSize);
    writer.number(1, position);
    writer.number(2, position);
  });
}

export function batchError(asked: Asked, refusal: BatchRefusal): Uint8Array {
  const error = statusOf(asked, refusal).serializeBinary();
  return envelope(asked, fieldSize(error.length), (writer) => writer.bytes(2, error));
}

function envelope({ correlationUuid, options }: Asked, resultSize: number, writeResult: (writer: ProtobufWriter) => void): Buffer {
  const { streamIdentifier } = options ?? {};
  const texts = fieldSize(correlationUuid?.length ?? 0) + fieldSize(streamIdentifier?.length ?? 0);
  const bytes = Buffer.allocUnsafe(texts + resultSize);
  const writer = new ProtobufWriter(bytes, 0);
  if (correlationUuid) writer.bytes(1, correlationUuid);
  writeResult(writer);
  if (streamIdentifier) writer.bytes(4, streamIdentifier);
  return bytes.subarray(0, writer.skip(0));
}

function statusOf({ options }: Asked, refusal: BatchRefusal): Status {
  switch (refusal.kind) {
    case 'wrong-expected-version':
      return failure(Code.ALREADY_EXISTS, 'WrongExpectedVersion', 'WrongExpectedVersion', mismatch(refusal));
    case 'stream-deleted': {
      const details = new StreamDeleted();
      details.setStreamIdentifier(identifierOf(options?.stream ?? ''));
      return failure(Code.NOT_FOUND, 'StreamDeleted', 'StreamDeleted', details);
    }
    case 'maximum-append-size-exceeded': {
      const details = new MaximumAppendSizeExceeded();
      details.setMaxappendsize(MAX_APPEND_BYTES);
      return failure(Code.INVALID_ARGUMENT, 'MaximumAppendSizeExceeded', 'MaximumAppendSizeExceeded', details);
    }
    case 'timeout':
      return failure(Code.DEADLINE_EXCEEDED, 'Timeout', 'Timeout', new Timeout());
    case 'bad-request': {
      const details = new BadRequest();
      details.setMessage(refusal.reason);
      return failure(Code.INVALID_ARGUMENT, 'BadRequest', 'BadRequest', details);
    }
    case 'unknown':
      return failure(Code.UNKNOWN, 'Unknown', refusal.reason, new Unknown());
    default: {
      const never: never = refusal;
      return never;
    }
  }
}

function failure(code: Code, type: string, text: string, details: Details): Status {
  const any = new Any();
  any.pack(details.serializeBinary(), `event_store.client.${type}`);
  const message = new Status();
  message.setCode(code);
  message.setMessage(text);
  return message.setDetails(any);
}

function mismatch({ current, expected }: Extract<BatchRefusal, { kind: 'wrong-expected-version' }>): WrongExpectedVersion {
  const details = new WrongExpectedVersion();
  if (current === NO_REVISION) details.setCurrentNoStream(new Empty());
  else details.setCurrentStreamRevision(String(current));
  if (expected === 'any') return details.setExpectedAny(new Empty());
  if (expected === 'no_stream' || expected === NO_STREAM_REVISION) return details.setExpectedNoStream(new Empty());
  if (expected === 'stream_exists') return details.setExpectedStreamExists(new Empty());
  return details.setExpectedStreamPosition(expected.toString());
}
