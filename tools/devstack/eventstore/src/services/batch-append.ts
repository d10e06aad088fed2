import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import { isRevision, memoryOf, type ProposedEvent } from '../records';
import type { Store } from '../store';
import type { WriteRequest, WriteResult } from '../streams/apply-write';
import type { AppendOptions, BatchAppendMessage } from '../wire/append-messages';
import { isInvalidStream, type Proposal } from '../wire/proposed-event';
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
  timer?: NodeJS.Timeout;
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
    /** How long an append may take to be final, in milliseconds, however late its deadline is. */
    private readonly pendingMs: number,
  ) {}

  run(): void {
    this.call.on('data', (message: BatchAppendMessage) => this.receive(message));
    this.call.on('cancelled', () => this.forget());
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
      const refused = 'event' in read ? this.keep(entry, read.event) : invalidProposal(read);
      if (refused) return this.refuse(key, entry, refused);
    }
    if (message.isFinal) this.finish(key, entry);
    else if (this.pending.size > MAX_PENDING || this.pendingBytes > MAX_PENDING_BYTES) this.tooMuch();
    else entry.timer ??= setTimeout(() => this.refuse(key, entry, { kind: 'timeout' }), this.timeLeft(entry.options));
  }

  private timeLeft({ deadline = Infinity }: AppendOptions): number {
    return Math.min(Math.max(deadline - Date.now(), 0), this.pendingMs);
  }

  private refuseUnnamed(message: BatchAppendMessage): void {
    this.unanswered++;
    this.answer(batchError(message, { kind: 'bad-request', reason: 'an append needs a correlation id that is a UUID' }));
  }

  /** What has no options belongs to an append that is over, or was never begun: nobody waits for it. */
  private begin({ correlationId, correlationUuid, options }: BatchAppendMessage): Pending | undefined {
    if (!options) return undefined;
    const entry: Pending = { correlationUuid, options, events: [], dataBytes: 0, bytes: 0 };
    this.pending.set(correlationId, entry);
    this.count(entry, options.stream.length);
    const refused = invalidOptions(options);
    if (!refused) return entry;
    this.refuse(correlationId, entry, refused);
    return undefined;
  }

  private keep(entry: Pending, event: ProposedEvent): BatchRefusal | undefined {
    entry.dataBytes += event.data.length;
    if (entry.dataBytes > MAX_APPEND_BYTES) return { kind: 'maximum-append-size-exceeded' };
    entry.events.push(event);
    this.count(entry, memoryOf(event));
    return undefined;
  }

  private count(entry: Pending, bytes: number): void {
    entry.bytes += bytes;
    this.pendingBytes += bytes;
  }

  /** From now on it is not pending, but still to be answered. */
  private take(key: string, entry: Pending): void {
    clearTimeout(entry.timer);
    this.pending.delete(key);
    this.pendingBytes -= entry.bytes;
    this.unanswered++;
  }

  private refuse(key: string, entry: Pending, refusal: BatchRefusal): void {
    this.take(key, entry);
    this.answer(batchError(entry, refusal));
  }

  private finish(key: string, entry: Pending): void {
    this.take(key, entry);
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
    if (this.ended && this.unanswered === 0 && this.pending.size === 0) this.call.end();
  }

  private forget(): void {
    for (const { timer } of this.pending.values()) clearTimeout(timer);
    this.pending.clear();
    this.pendingBytes = 0;
  }

  private tooMuch(): void {
    this.forget();
    this.call.emit('error', plain(status.RESOURCE_EXHAUSTED, 'too many appends were begun and not finished'));
  }
}

function invalidProposal(read: Exclude<Proposal, { event: unknown }>): BatchRefusal {
  return { kind: 'bad-request', reason: 'missing' in read ? `the event has no ${read.missing}` : read.invalid };
}

function invalidOptions({ stream, expected }: AppendOptions): BatchRefusal | undefined {
  if (isInvalidStream(stream)) return { kind: 'bad-request', reason: `'${stream}' is no stream name` };
  return typeof expected === 'bigint' && !isRevision(expected) ? { kind: 'bad-request', reason: `${expected} is no revision` } : undefined;
}

function writeRequest({ options: { stream, expected, deadline }, events }: Pending): WriteRequest | BatchRefusal {
  if (expected === undefined) return { kind: 'bad-request', reason: 'an append needs an expected revision' };
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
    case 'not-supported':
      return batchError(entry, { kind: 'unknown', reason: result.reason });
    default: {
      const never: never = result;
      return never;
    }
  }
}
