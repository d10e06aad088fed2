import { isMetastream, LONG_MAX, metastreamOf, NO_REVISION, originalOf } from '../records';
import type { EventLog } from '../storage/event-log';
import { Lru } from '../storage/lru';
import { parseStreamMetadata, type StreamMetadata } from './stream-metadata';

const STREAMS_KEPT = 20_000;

/** What the server knows about a stream without reading its events. */
export interface StreamState {
  /** NO_REVISION without events, LONG_MAX for a tombstone. */
  readonly last: number;
  readonly metadata: StreamMetadata;
}

/** The rules that need no more than the states of streams. */
export abstract class Streams {
  abstract get(name: string): StreamState;

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
}

/** The streams as they are committed: the states of those used last are kept, the log has the rest. */
export class StreamCatalog extends Streams {
  private readonly states = new Lru<string, StreamState>(STREAMS_KEPT);

  constructor(private readonly log: EventLog) {
    super();
  }

  override get(name: string): StreamState {
    let state = this.states.get(name);
    if (!state) {
      state = { last: this.log.lastOf(name)?.revision ?? NO_REVISION, metadata: this.loadMetadata(name) };
      this.states.set(name, state);
    }
    return state;
  }

  set(name: string, state: StreamState): void {
    this.states.set(name, state);
  }

  private loadMetadata(name: string): StreamMetadata {
    if (isMetastream(name)) return { maxCount: 1 };
    const newest = this.log.lastOf(metastreamOf(name));
    return newest ? parseStreamMetadata(newest) : {};
  }
}
