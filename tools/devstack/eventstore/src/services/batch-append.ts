import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import { memoryOf, type ProposedEvent } from '../records';
import type { Store } from '../store';
import type { WriteRequest, WriteResult } from '../streams/apply-write';
import type { AppendOptions, BatchAppendMessage } from '../wire/append-messages';
import { isInvalidStream } from '../wire/proposed-event';
import { MAX_APPEND_BYTES, plain } from '../wire/status';
import { batchError, batchResponse, type BatchRefusal } from './batch-response';

/** Its answers are encoded before they come to gRPC. */
export type BatchAppendCall = ServerDuplexStream<BatchAppendMessage, Uint8Array>;

/** Appends that have begun and are not final, on one call. */
const MAX_PENDING = 1_024;
const MAX_PENDING_BYTES = 64 * 1024 * 1024;

interface Pending {
  readonly correlationUuid: Buffer | undefined;
  readonly options: AppendOptions;
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
    private readonly call: BatchAppendCall,
  ) {}

  run(): void {
    this.call.on('data', (message: BatchAppendMessage) => this.receive(message));
    this.call.on('end', () => {
      this.ended = true;
      this.endWhenAnswered();
    });
  }

  private receive(message: BatchAppendMessage): void {
    const key = message.correlationId;
    if (key === '') return this.refuseUnnamed(message);
    const entry = this.pending.get(key) ?? this.begin(message);
    if (!entry) return;
    for (const read of message.proposals) {
      if ('event' in read) this.keep(entry, read.event);
      else entry.refused ??= { kind: 'unknown', reason: 'missing' in read ? `the event has no ${read.missing}` : read.invalid };
    }
    if (message.isFinal) this.finish(key, entry);
    else if (this.pending.size > MAX_PENDING || this.pendingBytes > MAX_PENDING_BYTES) this.tooMuch();
  }

  private refuseUnnamed(message: BatchAppendMessage): void {
    this.unanswered++;
    this.answer(batchError(message, { kind: 'bad-request', reason: 'an append needs a correlation id that is a UUID' }));
  }

  private begin({ correlationId, correlationUuid, options }: BatchAppendMessage): Pending | undefined {
    if (!options) {
      this.call.emit('error', plain(status.INVALID_ARGUMENT, `the first message of append ${correlationId} has no options`));
      return undefined;
    }
    const entry: Pending = { correlationUuid, options, events: [], dataBytes: 0, bytes: 0 };
    this.pending.set(correlationId, entry);
    this.count(entry, options.stream.length);
    return entry;
  }

  private keep(entry: Pending, event: ProposedEvent): void {
    entry.dataBytes += event.data.length;
    if (entry.dataBytes > MAX_APPEND_BYTES) entry.refused ??= { kind: 'maximum-append-size-exceeded' };
    if (entry.refused) return;
    entry.events.push(event);
    this.count(entry, memoryOf(event));
  }

  private count(entry: Pending, bytes: number): void {
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

  private answer(message: Uint8Array): void {
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
  const { stream, expected, deadline } = options;
  if (refused) return refused;
  if (isInvalidStream(stream)) return { kind: 'unknown', reason: `'${stream}' is no stream name` };
  if (expected === undefined) return { kind: 'unknown', reason: 'an append needs an expected revision' };
  if (deadline !== undefined && deadline < Date.now()) return { kind: 'timeout' };
  return { kind: 'append', stream, expected, events };
}

function response(entry: Pending, { expected }: WriteRequest, result: WriteResult): Uint8Array {
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
