import { isMetastream, LONG_MAX, originalOf, type ProposedEvent } from '../records';
import type { EventLog } from '../storage/event-log';
import type { Lru } from '../storage/lru';
import { NewRecord } from '../storage/log-record';
import type { Known } from './commit-check';
import type { Place, RecentIds } from './recent-ids';
import { Streams, type StreamCatalog, type StreamState } from './stream-catalog';
import { parseStreamMetadata } from './stream-metadata';

/** What the writer knows once it is committed. */
export interface Committed {
  readonly log: EventLog;
  readonly catalog: StreamCatalog;
  readonly recentIds: RecentIds;
  /** Whether a metastream was deleted last: readers do not feel it, writers do, until the server is started again. */
  readonly deletedMetastreams: Lru<string, boolean>;
}

/** The events of one stream in a draft. */
interface Written {
  readonly first: number;
  readonly records: NewRecord[];
}

/** Writes that are decided and not yet durable: seen by the writes that are decided after them, and by nobody else. */
export class Draft extends Streams implements Known {
  readonly records: NewRecord[] = [];
  private readonly states = new Map<string, StreamState>();
  private readonly written = new Map<string, Written>();
  private readonly ids = new Map<string, Place>();
  private readonly deletedMetastreams = new Map<string, boolean>();
  private next: number;
  private last: number;

  constructor(private readonly committed: Committed) {
    super();
    this.next = committed.log.nextPosition;
    this.last = committed.log.lastPosition;
  }

  /** The position of the last event. */
  get lastPosition(): number {
    return this.last;
  }

  override get(name: string): StreamState {
    return this.states.get(name) ?? this.committed.catalog.get(name);
  }

  at(stream: string, revision: number): { id: string; created: number; position: number } | undefined {
    const own = this.written.get(stream);
    const record = own?.records[revision - own.first];
    return record ? { ...record.placed, id: record.placed.event.id } : this.committed.log.at(stream, revision);
  }

  revisionOf(id: string, stream: string): number | undefined {
    const known = this.committed.recentIds.get(id) ?? this.ids.get(id);
    return known?.stream === stream ? known.revision : undefined;
  }

  override isSoftDeleted(name: string): boolean {
    if (!isMetastream(name)) return super.isSoftDeleted(name);
    return this.deletedMetastreams.get(name) ?? this.committed.deletedMetastreams.get(name) ?? false;
  }

  insert(stream: string, firstRevision: number, events: readonly ProposedEvent[]): void {
    const newest = events.at(-1);
    if (!newest) return;
    const created = Date.now();
    for (const [index, event] of events.entries()) this.place(stream, firstRevision + index, event, created);
    this.states.set(stream, { ...this.get(stream), last: firstRevision + events.length - 1 });
    if (isMetastream(stream)) this.metadataChanged(originalOf(stream), newest);
  }

  /** All that was inserted since the last call is written whole or not at all. */
  endWrite(): void {
    const newest = this.records.at(-1);
    if (newest) newest.endsWrite = true;
  }

  /** Once it is durable: from now on everybody sees it. */
  merge(): void {
    const { catalog, recentIds } = this.committed;
    for (const [name, state] of this.states) catalog.set(name, state);
    for (const [id, place] of this.ids) recentIds.remember(id, place);
    for (const [name, isDeleted] of this.deletedMetastreams) this.committed.deletedMetastreams.set(name, isDeleted);
  }

  private place(stream: string, revision: number, event: ProposedEvent, created: number): void {
    const record = new NewRecord({ position: this.next, stream, revision, created, event });
    this.records.push(record);
    this.last = record.position;
    this.next += record.length;
    let own = this.written.get(stream);
    if (!own) this.written.set(stream, (own = { first: revision, records: [] }));
    own.records.push(record);
    if (!this.ids.has(event.id)) this.ids.set(event.id, { stream, revision });
  }

  private metadataChanged(name: string, newest: ProposedEvent): void {
    const metadata = parseStreamMetadata(newest);
    // A metastream always keeps one event, whatever its own metadata; only its deletion is felt.
    if (isMetastream(name)) this.deletedMetastreams.set(name, metadata.truncateBefore === LONG_MAX);
    else this.states.set(name, { ...this.get(name), metadata });
  }
}
