import { status } from '@grpc/grpc-js';
import type { RecordedEvent } from '../records';
import type { Store } from '../store';
import { InvalidFilterError } from '../wire/event-filter';
import { UnsupportedPatternError } from '../wire/filter-pattern';
import { streamNotFound } from '../wire/messages';
import { Outbox, type ReadCall } from '../wire/outbox';
import { plain, streamDeleted, unknown } from '../wire/status';
import { InvalidCombinationError, InvalidRequestError, readRequest, type ReadRequest } from './read-request';
import { Subscription } from './subscription';

type OneRead = Extract<ReadRequest, { kind: 'read' }>;

/** Whether it is no event's position; behind the end of the log only who reads backwards needs one. */
function isNoPosition({ log }: Store, { from, ...request }: ReadRequest): boolean {
  if (typeof from !== 'number' || from === 0 || from === log.nextPosition) return false;
  const backwards = request.kind === 'read' && request.direction === 'backwards';
  return !log.has(from) && (backwards || from < log.nextPosition);
}

/** Streams.Read: one read, or a catch-up subscription. */
export function read(store: Store, call: ReadCall): void {
  try {
    const request = readRequest(call.request);
    if (request.stream === undefined && isNoPosition(store, request)) {
      throw new InvalidRequestError(`position ${request.from} is no position of an event: use one that the server gave`);
    }
    if (request.kind === 'subscription') new Subscription(store, call, request).start();
    else new OneReading(store, new Outbox(call), request).run();
  } catch (error) {
    call.emit('error', asStatus(error));
  }
}

function asStatus(error: unknown): ReturnType<typeof unknown> {
  const isRefused = error instanceof InvalidCombinationError || error instanceof InvalidFilterError || error instanceof UnsupportedPatternError;
  if (isRefused) return plain(status.INVALID_ARGUMENT, error.message);
  return unknown(error instanceof Error ? error.message : String(error));
}

/** Sends one read chunk by chunk, as fast as its reader takes it. */
class OneReading {
  private left: number;
  private chunk: readonly RecordedEvent[] = [];
  private index = 0;
  /** Where to go on; undefined at the end. */
  private cursor: number | undefined;

  constructor(
    private readonly store: Store,
    private readonly outbox: Outbox,
    private readonly request: OneRead,
  ) {
    this.left = request.count;
    this.cursor = this.firstCursor();
  }

  run(): void {
    try {
      this.pump();
    } catch (error) {
      this.outbox.fail(asStatus(error));
    }
  }

  private pump(): void {
    while (!this.outbox.isClosed) {
      if (this.outbox.isFull) return this.outbox.whenReady(() => this.run());
      const record = this.chunk[this.index++];
      if (record && this.left > 0) this.send(record);
      else if (this.left === 0 || this.cursor === undefined) return this.outbox.end();
      else if (!this.load(this.cursor)) return;
    }
  }

  private send(record: RecordedEvent): void {
    this.left--;
    const { resolveLinks, encode } = this.request;
    this.outbox.send(encode(resolveLinks ? this.store.reader.resolve(record) : { event: record }));
  }

  private firstCursor(): number {
    const { stream, from } = this.request;
    if (from === 'start') return 0;
    if (from !== 'end') return from;
    return stream === undefined ? this.store.log.nextPosition : Math.max(0, this.store.catalog.currentRevision(stream));
  }

  /** False when the read is over. */
  private load(cursor: number): boolean {
    this.index = 0;
    const { stream, direction, filter } = this.request;
    if (stream !== undefined) return this.loadStream(stream, cursor);
    const { records, next } = this.store.log.readAll(cursor, direction);
    this.cursor = next;
    this.chunk = filter ? records.filter(filter.matches) : records;
    return true;
  }

  private loadStream(stream: string, cursor: number): boolean {
    const found = this.store.reader.readStream(stream, cursor, this.request.direction);
    if (found.kind === 'stream-deleted') this.outbox.fail(streamDeleted(stream));
    if (found.kind === 'stream-not-found') {
      this.outbox.send(streamNotFound(stream));
      this.outbox.end();
    }
    if (found.kind !== 'events') return false;
    this.chunk = found.events;
    this.cursor = found.next;
    return true;
  }
}
