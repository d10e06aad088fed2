import { isMetastream, LONG_MAX, metastreamOf, NO_REVISION, originalOf } from '../records';
import type { EventLog } from '../storage/event-log';
import { Lru } from '../storage/lru';
import { parseStreamMetadata, type StreamMetadata } from './stream-metadata';

const STREAMS_KEPT = 20_000;

/** What the server knows about a stream without reading its events. */
export interface StreamState {
  readonly name: string;
  id: number | undefined;
  /** NO_REVISION without events, LONG_MAX for a tombstone. */
  last: number;
  metadata: StreamMetadata;
}

/** The states of the streams used last; the log has the rest. */
export class StreamCatalog {
  private readonly states = new Lru<string, StreamState>(STREAMS_KEPT);

  constructor(private readonly log: EventLog) {}

  get(name: string): StreamState {
    let state = this.states.get(name);
    if (!state) {
      const id = this.log.streamId(name);
      state = { name, id, last: this.lastRevision(id), metadata: this.loadMetadata(name) };
      this.states.set(name, state);
    }
    return state;
  }

  /** The last revision; a metastream shares the fate of a tombstoned stream, and its own metastream does too. */
  currentRevision(name: string): number {
    const { last } = this.get(name);
    return isMetastream(name) && this.currentRevision(originalOf(name)) === LONG_MAX ? LONG_MAX : last;
  }

  isSoftDeleted(name: string): boolean {
    return !isMetastream(name) && this.get(name).metadata.truncateBefore === LONG_MAX;
  }

  /** The lowest revision that $maxCount and $tb leave visible. */
  firstVisible(name: string): number {
    const { last, metadata } = this.get(name);
    const byCount = metadata.maxCount === undefined ? 0 : last - metadata.maxCount + 1;
    return Math.max(metadata.truncateBefore ?? 0, byCount, 0);
  }

  /** Events that were created before this time, in milliseconds, are hidden. */
  oldestVisible(name: string, now: number): number {
    const { maxAge } = this.get(name).metadata;
    return maxAge === undefined ? 0 : now - maxAge * 1000;
  }

  metadataChanged(name: string, metadata: StreamMetadata): void {
    // What is written to the metastream of a metastream changes nothing: it always keeps one event.
    if (!isMetastream(name)) this.get(name).metadata = metadata;
  }

  clear(): void {
    this.states.clear();
  }

  private lastRevision(id: number | undefined): number {
    return id === undefined ? NO_REVISION : (this.log.lastOf(id)?.revision ?? NO_REVISION);
  }

  private loadMetadata(name: string): StreamMetadata {
    if (isMetastream(name)) return { maxCount: 1 };
    const id = this.log.streamId(metastreamOf(name));
    const newest = id === undefined ? undefined : this.log.lastOf(id);
    return newest ? parseStreamMetadata(newest) : {};
  }
}
