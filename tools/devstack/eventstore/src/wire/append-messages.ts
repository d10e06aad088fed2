import type { ExpectedRevision } from '../records';
import { readProposal, readUuid, uuidOrNothing, type Proposal } from './proposed-event';
import { lengthField, ProtobufReader, varintField } from './protobuf-reader';

/** What an append says about itself, in AppendReq and in BatchAppendReq alike. */
export interface AppendOptions {
  readonly stream: string;
  /** The stream's name as the StreamIdentifier that came. */
  readonly streamIdentifier: Buffer | undefined;
  readonly expected: ExpectedRevision | undefined;
  /** Milliseconds since the unix epoch. */
  readonly deadline: number | undefined;
}

/** AppendReq of streams.proto. */
export interface AppendMessage {
  readonly options: AppendOptions | undefined;
  readonly proposal: Proposal | undefined;
}

/** BatchAppendReq of streams.proto. */
export interface BatchAppendMessage {
  /** Empty when there is none, or one that is no UUID. */
  readonly correlationId: string;
  /** The same as the UUID that came. */
  readonly correlationUuid: Buffer | undefined;
  readonly options: AppendOptions | undefined;
  readonly proposals: readonly Proposal[];
  readonly isFinal: boolean;
}

const [APPEND_OPTIONS, APPEND_PROPOSAL] = [lengthField(1), lengthField(2)];

/** @throws MalformedMessageError */
export function decodeAppend(bytes: Buffer): AppendMessage {
  const message = new ProtobufReader(bytes);
  let options: AppendOptions | undefined;
  let proposal: Proposal | undefined;
  for (let field; (field = message.next()) !== 0; ) {
    // One or the other: the last one holds.
    if (field === APPEND_OPTIONS) [options, proposal] = [readOptions(message.message(), options), undefined];
    else if (field === APPEND_PROPOSAL) [options, proposal] = [undefined, readProposal(message.message())];
    else message.skip();
  }
  return { options, proposal };
}

const [CORRELATION_ID, OPTIONS, PROPOSAL, IS_FINAL] = [lengthField(1), lengthField(2), lengthField(3), varintField(4)];

/** @throws MalformedMessageError */
export function decodeBatchAppend(bytes: Buffer): BatchAppendMessage {
  const message = new ProtobufReader(bytes);
  let correlationUuid: Buffer | undefined;
  let options: AppendOptions | undefined;
  const proposals: Proposal[] = [];
  let isFinal = false;
  for (let field; (field = message.next()) !== 0; ) {
    if (field === CORRELATION_ID) correlationUuid = message.bytes();
    else if (field === OPTIONS) options = readOptions(message.message(), options);
    else if (field === PROPOSAL) proposals.push(readProposal(message.message()));
    else if (field === IS_FINAL) isFinal = message.number() !== 0;
    else message.skip();
  }
  const correlationId = correlationUuid ? uuidOrNothing(readUuid(new ProtobufReader(correlationUuid))) : '';
  return { correlationId, correlationUuid, options, proposals, isFinal };
}

const [STREAM, REVISION, NO_STREAM, ANY, STREAM_EXISTS, DEADLINE, TIMEOUT] =
  [lengthField(1), varintField(2), lengthField(3), lengthField(4), lengthField(5), lengthField(6), lengthField(7)];

/** Options that come twice are merged: what the second ones do not say holds as the first ones said it. */
function readOptions(message: ProtobufReader, before: AppendOptions | undefined): AppendOptions {
  let streamIdentifier = before?.streamIdentifier;
  let expected = before?.expected;
  let deadline = before?.deadline;
  for (let field; (field = message.next()) !== 0; ) {
    if (field === STREAM) streamIdentifier = message.bytes();
    else if (field === DEADLINE) deadline = readTimestamp(message.message());
    else if (field === TIMEOUT) deadline = deadlineIn(message.message());
    else if (field === REVISION) expected = message.uint64();
    else {
      expected = named(field) ?? expected;
      message.skip();
    }
  }
  const stream = streamIdentifier ? readStreamName(new ProtobufReader(streamIdentifier)) : '';
  return { stream, streamIdentifier, expected, deadline };
}

function named(field: number): ExpectedRevision | undefined {
  if (field === ANY) return 'any';
  if (field === NO_STREAM) return 'no_stream';
  return field === STREAM_EXISTS ? 'stream_exists' : undefined;
}

const STREAM_NAME = lengthField(3);

function readStreamName(message: ProtobufReader): string {
  let name = '';
  for (let field; (field = message.next()) !== 0; ) {
    if (field === STREAM_NAME) name = message.text();
    else message.skip();
  }
  return name;
}

const [SECONDS, NANOSECONDS] = [varintField(1), varintField(2)];

/** Newer clients say how long an append may take; with no time at all it is late already. */
function deadlineIn(message: ProtobufReader): number {
  const milliseconds = readTimestamp(message);
  return milliseconds === 0 ? 0 : Date.now() + milliseconds;
}

/** Milliseconds, of a Timestamp or a Duration. */
function readTimestamp(message: ProtobufReader): number {
  let [seconds, nanoseconds] = [0, 0];
  for (let field; (field = message.next()) !== 0; ) {
    if (field === SECONDS) seconds = message.number();
    else if (field === NANOSECONDS) nanoseconds = message.number();
    else message.skip();
  }
  // What is negative comes as a number near 2^64; that it is past is all that matters.
  return Math.max(seconds, nanoseconds) < 2 ** 63 ? seconds * 1000 + Math.ceil(nanoseconds / 1e6) : 0;
}
