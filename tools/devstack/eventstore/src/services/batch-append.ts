import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import { BatchAppendResp, type BatchAppendReq } from '@eventstore/db-client/generated/streams_pb';
import type { UUID } from '@eventstore/db-client/generated/shared_pb';
import type { ProposedEvent } from '../records';
import type { Store } from '../store';
import type { WriteRequest, WriteResult } from '../streams/apply-write';
import { expectedRevision } from '../wire/expected-revision';
import { isInvalidStream, proposal, streamName, uuidText } from '../wire/proposed-event';
import { MAX_APPEND_BYTES, plain } from '../wire/status';
import { batchError, batchResponse, type BatchRefusal } from './batch-response';

type Call = ServerDuplexStream<BatchAppendReq, BatchAppendResp>;

/** Appends that have begun and are not final, on one call. */
const MAX_PENDING = 1_024;
const MAX_PENDING_BYTES = 64 * 1024 * 1024;

interface Pending {
  readonly correlationId: UUID | undefined;
  readonly options: BatchAppendReq.Options;
  readonly events: ProposedEvent[];
  dataBytes: number;
  bytes: number;
  refused?: BatchRefusal;
}

/** Streams.BatchAppend: many appends on one call, each in one message or more, answered as they become durable. */
export class BatchAppend {
  private readonly pending = new Map<string, Pending>();
  private pendingBytes = 0;
  private unanswered = 0;
  private ended = false;

  constructor(
    private readonly store: Store,
    private readonly call: Call,
  ) {}

  run(): void {
    this.call.on('data', (message: BatchAppendReq) => this.receive(message));
    this.call.on('end', () => {
      this.ended = true;
      this.endWhenAnswered();
    });
  }

  private receive(message: BatchAppendReq): void {
    const key = uuidText(message.getCorrelationId());
    const entry = this.pending.get(key) ?? this.begin(key, message);
    if (!entry) return;
    for (const proposed of message.getProposedMessagesList()) {
      const read = proposal(proposed);
      if ('event' in read) this.keep(entry, read.event);
      else entry.refused ??= { kind: 'unknown', reason: 'missing' in read ? `the event has no ${read.missing}` : read.invalid };
    }
    if (message.getIsFinal()) this.finish(key, entry);
    else if (this.pending.size > MAX_PENDING || this.pendingBytes > MAX_PENDING_BYTES) this.tooMuch();
  }

  private begin(key: string, message: BatchAppendReq): Pending | undefined {
    const options = message.getOptions();
    if (!options) {
      this.call.emit('error', plain(status.INVALID_ARGUMENT, `the first message of append ${key} has no options`));
      return undefined;
    }
    const entry: Pending = { correlationId: message.getCorrelationId(), options, events: [], dataBytes: 0, bytes: 0 };
    this.pending.set(key, entry);
    return entry;
  }

  private keep(entry: Pending, event: ProposedEvent): void {
    entry.dataBytes += event.data.length;
    if (entry.dataBytes > MAX_APPEND_BYTES) entry.refused ??= { kind: 'maximum-append-size-exceeded' };
    if (entry.refused) return;
    const bytes = event.data.length + event.metadata.length;
    entry.events.push(event);
    entry.bytes += bytes;
    this.pendingBytes += bytes;
  }

  private finish(key: string, entry: Pending): void {
    this.pending.delete(key);
    this.pendingBytes -= entry.bytes;
    this.unanswered++;
    const request = writeRequest(entry);
    if (!('stream' in request)) return this.answer(batchError(entry, request));
    this.store.writer.write(request).then((result) => this.answer(response(entry, request, result)), (error: unknown) => {
      this.answer(batchError(entry, { kind: 'unknown', reason: String(error) }));
    });
    if (!this.store.writer.hasRoom) this.pauseUntil((ready) => this.store.writer.whenReady(ready));
  }

  private answer(message: BatchAppendResp): void {
    this.unanswered--;
    if (this.call.cancelled || this.call.writableEnded) return;
    // An answer that nobody fetches stops the appends that would give more of them.
    if (!this.call.write(message)) this.pauseUntil((ready) => this.call.once('drain', ready));
    this.endWhenAnswered();
  }

  private pauseUntil(whenReady: (callback: () => void) => void): void {
    if (this.ended || this.call.isPaused()) return;
    this.call.pause();
    whenReady(() => this.call.resume());
  }

  private endWhenAnswered(): void {
    if (this.ended && this.unanswered === 0) this.call.end();
  }

  private tooMuch(): void {
    this.pending.clear();
    this.pendingBytes = 0;
    this.call.emit('error', plain(status.RESOURCE_EXHAUSTED, 'too many appends were begun and not finished'));
  }
}

function writeRequest({ options, events, refused }: Pending): WriteRequest | BatchRefusal {
  const stream = streamName(options.getStreamIdentifier());
  const expected = expectedRevision(options);
  const deadline = options.getDeadline();
  if (refused) return refused;
  if (isInvalidStream(stream)) return { kind: 'unknown', reason: `'${stream}' is no stream name` };
  if (expected === undefined) return { kind: 'unknown', reason: 'an append needs an expected revision' };
  if (deadline && deadline.toDate().getTime() < Date.now()) return { kind: 'timeout' };
  return { kind: 'append', stream, expected, events };
}

function response(entry: Pending, { expected }: WriteRequest, result: WriteResult): BatchAppendResp {
  switch (result.kind) {
    case 'written':
      return batchResponse(entry, result);
    case 'wrong-expected-version':
      return batchError(entry, { ...result, expected });
    case 'stream-deleted':
      return batchError(entry, result);
    case 'failed':
      return batchError(entry, { kind: 'unknown', reason: result.reason });
    default: {
      const never: never = result;
      return never;
    }
  }
}
