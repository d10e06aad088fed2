import { randomUUID } from 'node:crypto';
import {
  isMetastream, LONG_MAX, METADATA_TYPE, metastreamOf, NO_REVISION, originalOf, TOMBSTONE_TYPE,
  type ExpectedRevision, type ProposedEvent, type RecordedEvent,
} from '../records';
import type { EventLog } from '../storage/event-log';
import { checkCommit, type CommitDecision, type Known } from './commit-check';
import { parseStreamMetadata, SOFT_DELETE_METADATA, withTruncateBefore } from './stream-metadata';
import { RecentIds } from './recent-ids';
import type { StreamCatalog } from './stream-catalog';

export interface WriteRequest {
  readonly kind: 'append' | 'delete' | 'tombstone';
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly ProposedEvent[];
}

export type WriteResult =
  | { kind: 'written'; revision: number; position: number | undefined }
  | Exclude<CommitDecision, { kind: 'write' | 'already-written' }>
  | { kind: 'failed'; reason: string };

interface Queued {
  readonly request: WriteRequest;
  readonly resolve: (result: WriteResult) => void;
}

/** More than this waiting, and the queue is written without waiting any longer. */
const QUEUE_BYTES = 16 * 1024 * 1024;

/** How many turns of the event loop the queue may wait for more while more comes. */
const MAX_TURNS = 8;

const bytesOf = (request: WriteRequest): number =>
  request.events.reduce((sum, { data, metadata }) => sum + data.length + metadata.length, 0);

export const metadataEvent = (data: Uint8Array): ProposedEvent =>
  ({ id: randomUUID(), type: METADATA_TYPE, isJson: true, data, metadata: Buffer.alloc(0) });

const tombstoneEvent = (): ProposedEvent =>
  ({ id: randomUUID(), type: TOMBSTONE_TYPE, isJson: false, data: Buffer.alloc(0), metadata: Buffer.alloc(0) });

/** The only one that writes. What arrives in one event-loop turn, or the next few, shares one transaction, thus one fsync. */
export class Writer {
  private readonly known: Known;
  private queue: Queued[] = [];
  private queuedBytes = 0;
  private scheduled: NodeJS.Immediate | undefined;
  private uncommitted: RecordedEvent[] = [];

  constructor(
    private readonly log: EventLog,
    private readonly catalog: StreamCatalog,
    private readonly onCommitted: (events: readonly RecordedEvent[]) => void,
  ) {
    this.known = { log, catalog, recentIds: new RecentIds() };
  }

  /** Resolves once the outcome is durable. */
  write(request: WriteRequest): Promise<WriteResult> {
    return new Promise((resolve) => {
      this.queue.push({ request, resolve });
      this.queuedBytes += bytesOf(request);
      if (this.queuedBytes > QUEUE_BYTES) this.flush();
      else this.scheduled ??= this.nextTurn();
    });
  }

  /** Appends that arrive turn after turn belong together: one fsync for many costs each of them less than its own. */
  private nextTurn(turns = 1, seen = this.queue.length): NodeJS.Immediate {
    return setImmediate(() => {
      if (this.queue.length === seen || turns === MAX_TURNS) this.flush();
      else this.scheduled = this.nextTurn(turns + 1);
    });
  }

  /** Writes what waits. */
  flush(): void {
    clearImmediate(this.scheduled);
    this.scheduled = undefined;
    const { queue } = this;
    if (queue.length === 0) return;
    this.queue = [];
    this.queuedBytes = 0;
    const results = this.commit(queue);
    const { uncommitted } = this;
    this.uncommitted = [];
    queue.forEach(({ resolve }, index) => resolve(results[index] ?? { kind: 'failed', reason: 'no result' }));
    if (uncommitted.length > 0) this.onCommitted(uncommitted);
  }

  private commit(queue: readonly Queued[]): WriteResult[] {
    try {
      return this.log.transaction(() => queue.map(({ request }) => this.apply(request)));
    } catch (error) {
      // What is remembered may now be ahead of the log.
      this.uncommitted = [];
      this.catalog.clear();
      this.known.recentIds.clear();
      const reason = `the event log could not be written: ${error instanceof Error ? error.message : String(error)}`;
      return queue.map(() => ({ kind: 'failed', reason }));
    }
  }

  private apply(request: WriteRequest): WriteResult {
    const { kind, stream, expected } = request;
    const events = kind === 'append' ? request.events : [];
    const ids = kind === 'append' ? events.map(({ id }) => id) : [randomUUID()];
    const decision = checkCommit(this.known, stream, expected, ids);
    if (decision.kind === 'already-written') return { ...decision, kind: 'written' };
    if (decision.kind !== 'write') return decision;
    if (kind === 'append') return this.append(stream, decision.current, events);
    if (kind === 'tombstone') return this.tombstone(stream);
    if (!this.everWritten(stream)) return { kind: 'wrong-expected-version', current: NO_REVISION };
    return this.softDelete(stream, decision.current);
  }

  private everWritten(stream: string): boolean {
    return [stream, metastreamOf(stream)].some((name) => this.catalog.currentRevision(name) !== NO_REVISION);
  }

  private append(stream: string, current: number, events: readonly ProposedEvent[]): WriteResult {
    const recreates = this.catalog.isSoftDeleted(stream);
    const undeletes = isMetastream(stream) && this.catalog.isSoftDeleted(originalOf(stream));
    const written = events.length === 0 ? this.log.lastPosition : this.insert(stream, current + 1, events);
    // Even an append of nothing brings a deleted stream back.
    if (recreates) this.writeMetadata(stream, Buffer.from(`{"$tb":${current + 1}}`));
    if (undeletes) this.undelete(originalOf(stream), events.at(-1)?.data ?? SOFT_DELETE_METADATA);
    return { kind: 'written', revision: current + events.length, position: written };
  }

  private tombstone(stream: string): WriteResult {
    const position = this.insert(stream, LONG_MAX, [tombstoneEvent()]);
    return { kind: 'written', revision: LONG_MAX, position };
  }

  private softDelete(stream: string, current: number): WriteResult {
    return { kind: 'written', revision: current, position: this.writeMetadata(stream, SOFT_DELETE_METADATA) };
  }

  /** New metadata for a soft-deleted stream brings it back: its old events stay hidden. */
  private undelete(stream: string, metadata: Uint8Array): void {
    const { last } = this.catalog.get(stream);
    const changed = withTruncateBefore(metadata, last + 1);
    if (changed) this.writeMetadata(stream, changed);
  }

  private writeMetadata(stream: string, data: Uint8Array): number {
    const metastream = metastreamOf(stream);
    return this.insert(metastream, this.catalog.get(metastream).last + 1, [metadataEvent(data)]);
  }

  /** Returns the position of the last event. */
  private insert(stream: string, firstRevision: number, events: readonly ProposedEvent[]): number {
    const state = this.catalog.get(stream);
    const target = { id: (state.id ??= this.log.createStream(stream)), name: stream };
    const created = Date.now();
    const written = events.map((event, index) => this.log.insert(target, firstRevision + index, event, created));
    const newest = written.at(-1);
    if (newest) state.last = newest.revision;
    if (newest && isMetastream(stream)) this.catalog.metadataChanged(originalOf(stream), parseStreamMetadata(newest));
    this.known.recentIds.remember(written);
    for (const event of written) this.uncommitted.push(event);
    return this.log.lastPosition;
  }
}
