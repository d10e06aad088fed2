import { randomUUID } from 'node:crypto';
import { LONG_MAX, NO_REVISION, type RecordedEvent } from '../records';
import type { Store } from '../store';
import { caughtUp, checkpoint, confirmation } from '../wire/messages';
import { Outbox, type ReadCall } from '../wire/outbox';
import { consumerTooSlow, streamDeleted, unknown } from '../wire/status';
import { Checkpoints } from './checkpoints';
import type { ReadRequest } from './read-request';

/** A live consumer that is further behind than this is dropped: nothing is kept for it. */
const MAX_BEHIND = 1_024;

type Request = Extract<ReadRequest, { kind: 'subscription' }>;

/**
 * A catch-up subscription. It only ever holds one chunk: history comes from the stream or the log, live events from
 * the log after the last position, so that nothing is missed or doubled where the two meet.
 */
export class Subscription {
  private readonly outbox: Outbox;
  private readonly stopListening: () => void;
  private chunk: readonly RecordedEvent[] = [];
  private index = 0;
  /** Everything up to this position was handled; for a stream only once its history is done. */
  private position: number;
  /** Only events of a stream above this revision are wanted. */
  private revision: number;
  private phase: 'history' | 'catching-up' | 'live';
  private owesCaughtUp = true;
  private blocked = false;
  private behind = 0;
  private readonly checkpoints: Checkpoints | undefined;

  constructor(
    private readonly store: Store,
    call: ReadCall,
    private readonly request: Request,
  ) {
    const { from, stream } = request;
    this.revision = startRevision(store, request);
    if (request.filter && stream === undefined) this.checkpoints = new Checkpoints(request.filter);
    this.position = stream === undefined && typeof from === 'number' ? from : 0;
    if (from === 'end') this.position = store.log.lastPosition;
    // From the end, and in the log, there is no history of a stream to read; nor does such a stream have to exist.
    this.phase = stream === undefined || from === 'end' ? 'catching-up' : 'history';
    this.outbox = new Outbox(call, () => this.stop());
    this.stopListening = store.onCommitted((events) => this.committed(events));
  }

  start(): void {
    const { stream } = this.request;
    const isDeleted = stream !== undefined && this.store.catalog.currentRevision(stream) === LONG_MAX;
    if (this.phase === 'history' && isDeleted) return this.outbox.fail(streamDeleted(stream));
    this.outbox.send(confirmation(randomUUID()));
    this.pump();
  }

  private committed(events: readonly RecordedEvent[]): void {
    if (this.phase === 'live') {
      for (const event of events) if (this.wants(event)) this.behind++;
      if (this.blocked && this.behind > MAX_BEHIND) return this.outbox.fail(consumerTooSlow());
    }
    if (!this.blocked) this.pump();
  }

  private pump(): void {
    try {
      this.deliverWhilePossible();
    } catch (error) {
      this.outbox.fail(unknown(error instanceof Error ? error.message : String(error)));
    }
  }

  private deliverWhilePossible(): void {
    while (!this.outbox.isClosed) {
      if (this.outbox.isFull) return this.wait();
      const record = this.chunk[this.index++];
      if (record) this.handle(record);
      else if (!this.load()) return;
    }
  }

  private wait(): void {
    this.blocked = true;
    this.outbox.whenReady(() => {
      this.blocked = false;
      this.pump();
    });
  }

  /** Gets the next chunk; false when there is none for now. */
  private load(): boolean {
    this.index = 0;
    this.chunk = this.phase === 'history' ? this.history() : this.store.after(this.position);
    if (this.chunk.length > 0) return true;
    if (this.phase === 'history') return false;
    this.goLive();
    return false;
  }

  private goLive(): void {
    this.phase = 'live';
    this.behind = 0;
    if (!this.owesCaughtUp) return;
    this.owesCaughtUp = false;
    this.outbox.send(caughtUp());
  }

  /**
   * The next chunk of the stream; empty at the end of its history, when the log takes over. A stream that is missing or
   * deleted has no history yet: it is looked for again after every commit.
   */
  private history(): readonly RecordedEvent[] {
    const { stream } = this.request;
    if (stream === undefined) return [];
    for (let next: number | undefined = this.revision + 1; next !== undefined; ) {
      const found = this.store.reader.readStream(stream, next, 'forwards');
      if (found.kind === 'stream-deleted') this.outbox.fail(streamDeleted(stream));
      if (found.kind !== 'events') return [];
      if (found.events.length > 0) return found.events;
      next = found.next;
    }
    this.position = this.store.log.lastPosition;
    this.phase = 'catching-up';
    return [];
  }

  private wants(record: RecordedEvent): boolean {
    const { stream, filter } = this.request;
    if (stream !== undefined) return record.stream === stream && record.revision > this.revision;
    return filter === undefined || filter.matches(record);
  }

  private handle(record: RecordedEvent): void {
    if (this.phase !== 'history') this.position = record.position;
    const isWanted = this.wants(record);
    if (isWanted) this.deliver(record);
    const reached = this.checkpoints?.after(record.position, isWanted, this.phase === 'live');
    if (reached !== undefined) this.outbox.send(checkpoint(reached));
  }

  private deliver(record: RecordedEvent): void {
    const { stream, resolveLinks, encode } = this.request;
    if (this.phase === 'live') this.behind--;
    this.outbox.send(encode(resolveLinks ? this.store.reader.resolve(record) : { event: record }));
    if (stream === undefined) return;
    this.revision = record.revision;
    if (record.revision === LONG_MAX) this.outbox.fail(streamDeleted(stream));
  }

  private stop(): void {
    this.stopListening();
    this.chunk = [];
  }
}

function startRevision(store: Store, { from, stream }: Request): number {
  if (stream === undefined || from === 'start') return NO_REVISION;
  return from === 'end' ? store.catalog.currentRevision(stream) : from;
}
