import { status, type sendUnaryData, type ServerReadableStream } from '@grpc/grpc-js';
import { AppendResp } from '@eventstore/db-client/generated/streams_pb';
import { isRevision, memoryOf, NO_REVISION, type ExpectedRevision, type ProposedEvent } from '../records';
import type { Store } from '../store';
import type { WriteRequest, WriteResult } from '../streams/apply-write';
import type { AppendMessage } from '../wire/append-messages';
import { empty } from '../wire/messages';
import { isInvalidStream } from '../wire/proposed-event';
import { invalidArgument, MAX_APPEND_BYTES, maximumAppendSizeExceeded, missingMetadata, plain, unknown, type ServerStatus } from '../wire/status';
import { refusal } from './append-outcome';

/** Only data count for the limit of an append, so memory needs one of its own. */
const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

export type AppendCall = ServerReadableStream<AppendMessage, AppendResp>;

/** Streams.Append: the options, then one message per event. */
export function append(store: Store, call: AppendCall, callback: sendUnaryData<AppendResp>): void {
  // A queue that is full lets nobody send more.
  store.writer.whenReady(() => collect(store, call, callback));
}

function collect(store: Store, call: AppendCall, callback: sendUnaryData<AppendResp>): void {
  const collected = new Collected();
  call.on('data', (message: AppendMessage) => collected.add(message));
  call.on('end', () => {
    const request = collected.request();
    if ('code' in request) return callback(request);
    store.writer.write(request).then((result) => answer(request, result, callback), callback);
  });
}

class Collected {
  private stream: string | undefined;
  private expected: ExpectedRevision | undefined;
  private events: ProposedEvent[] = [];
  private dataBytes = 0;
  private bytes = 0;
  private refused: ServerStatus | undefined;

  add({ options, proposal }: AppendMessage): void {
    if (this.refused) return;
    // Options first, then only events.
    if ((this.stream === undefined) !== (options !== undefined)) return this.refuse(unknown('an append has its options once, and before its events'));
    if (options) {
      this.stream = options.stream;
      this.expected = options.expected;
    } else if (!proposal) this.refuse(unknown('a message of an append has options or an event'));
    else if ('missing' in proposal) this.refuse(missingMetadata(proposal.missing));
    else if ('invalid' in proposal) this.refuse(unknown(proposal.invalid));
    else this.keep(proposal.event);
  }

  request(): WriteRequest | ServerStatus {
    const { stream, expected, events } = this;
    if (this.refused) return this.refused;
    if (stream === undefined || isInvalidStream(stream)) return unknown(`'${stream ?? ''}' is no stream name`);
    if (expected === undefined) return invalidArgument('an append needs an expected revision');
    if (typeof expected === 'bigint' && !isRevision(expected)) return unknown(`${expected} is no revision`);
    return { kind: 'append', stream, expected, events };
  }

  private keep(event: ProposedEvent): void {
    this.events.push(event);
    this.dataBytes += event.data.length;
    this.bytes += memoryOf(event);
    if (this.dataBytes > MAX_APPEND_BYTES) this.refuse(maximumAppendSizeExceeded());
    if (this.bytes > MAX_REQUEST_BYTES) {
      this.refuse(plain(status.RESOURCE_EXHAUSTED, `an append takes more than ${MAX_REQUEST_BYTES} bytes of memory: append fewer events at once`));
    }
  }

  private refuse(reason: ServerStatus): void {
    this.refused ??= reason;
    this.events = [];
  }
}

function answer(request: WriteRequest, result: WriteResult, callback: sendUnaryData<AppendResp>): void {
  const response = new AppendResp();
  if (result.kind === 'written') response.setSuccess(success(result));
  else if (result.kind === 'wrong-expected-version') response.setWrongExpectedVersion(mismatch(request.expected, result.current));
  else return callback(refusal(request, result));
  callback(null, response);
}

function success({ revision, position }: Extract<WriteResult, { kind: 'written' }>): AppendResp.Success {
  const message = new AppendResp.Success();
  if (revision === NO_REVISION) message.setNoStream(empty());
  else message.setCurrentRevision(String(revision));
  if (position === undefined) return message.setNoPosition(empty());
  const place = new AppendResp.Position();
  place.setCommitPosition(String(position));
  place.setPreparePosition(String(position));
  return message.setPosition(place);
}

function mismatch(expected: ExpectedRevision, current: number): AppendResp.WrongExpectedVersion {
  const message = new AppendResp.WrongExpectedVersion();
  if (current === NO_REVISION) message.setCurrentNoStream(empty());
  else message.setCurrentRevision(String(current));
  if (expected === 'any') return message.setExpectedAny(empty());
  if (expected === 'no_stream') return message.setExpectedNoStream(empty());
  if (expected === 'stream_exists') return message.setExpectedStreamExists(empty());
  return message.setExpectedRevision(expected.toString());
}
