import { Code } from '@eventstore/db-client/generated/code_pb';
import {
  MaximumAppendSizeExceeded, StreamDeleted, Timeout, Unknown, WrongExpectedVersion, type UUID,
} from '@eventstore/db-client/generated/shared_pb';
import { Status } from '@eventstore/db-client/generated/status_pb';
import { BatchAppendResp, type BatchAppendReq } from '@eventstore/db-client/generated/streams_pb';
import { Any } from 'google-protobuf/google/protobuf/any_pb';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb';
import { NO_REVISION, type ExpectedRevision } from '../records';
import { positionOf } from '../wire/messages';
import { MAX_APPEND_BYTES } from '../wire/status';

export type BatchRefusal =
  | { kind: 'wrong-expected-version'; current: number; expected: ExpectedRevision }
  | { kind: 'stream-deleted' }
  | { kind: 'maximum-append-size-exceeded' }
  | { kind: 'timeout' }
  | { kind: 'unknown'; reason: string };

interface Asked {
  readonly correlationId: UUID | undefined;
  readonly options: BatchAppendReq.Options;
}

interface Details {
  serializeBinary(): Uint8Array;
}

export function batchResponse(asked: Asked, { revision, position }: { revision: number; position: number | undefined }): BatchAppendResp {
  const success = new BatchAppendResp.Success();
  if (revision === NO_REVISION) success.setNoStream(new Empty());
  else success.setCurrentRevision(String(revision));
  if (position === undefined) success.setNoPosition(new Empty());
  else success.setPosition(positionOf(position));
  return envelope(asked).setSuccess(success);
}

export function batchError(asked: Asked, refusal: BatchRefusal): BatchAppendResp {
  return envelope(asked).setError(statusOf(asked, refusal));
}

function envelope({ correlationId, options }: Asked): BatchAppendResp {
  const message = new BatchAppendResp();
  message.setCorrelationId(correlationId);
  message.setStreamIdentifier(options.getStreamIdentifier());
  if (options.hasStreamPosition()) message.setStreamPosition(options.getStreamPosition());
  else if (options.hasNoStream()) message.setNoStream(new Empty());
  else if (options.hasStreamExists()) message.setStreamExists(new Empty());
  else message.setAny(new Empty());
  return message;
}

function statusOf({ options }: Asked, refusal: BatchRefusal): Status {
  switch (refusal.kind) {
    case 'wrong-expected-version':
      return failure(Code.FAILED_PRECONDITION, 'WrongExpectedVersion', 'WrongExpectedVersion', mismatch(refusal));
    case 'stream-deleted': {
      const details = new StreamDeleted();
      details.setStreamIdentifier(options.getStreamIdentifier());
      return failure(Code.FAILED_PRECONDITION, 'StreamDeleted', 'StreamDeleted', details);
    }
    case 'maximum-append-size-exceeded': {
      const details = new MaximumAppendSizeExceeded();
      details.setMaxappendsize(MAX_APPEND_BYTES);
      return failure(Code.INVALID_ARGUMENT, 'MaximumAppendSizeExceeded', 'MaximumAppendSizeExceeded', details);
    }
    case 'timeout':
      return failure(Code.DEADLINE_EXCEEDED, 'Timeout', 'Timeout', new Timeout());
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
  if (expected === 'no_stream') return details.setExpectedNoStream(new Empty());
  if (expected === 'stream_exists') return details.setExpectedStreamExists(new Empty());
  return details.setExpectedStreamPosition(expected.toString());
}
