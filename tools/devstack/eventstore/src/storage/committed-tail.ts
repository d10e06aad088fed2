import type { LogRecord } from './log-record';

const CHUNK_EVENTS = 64;

const MAX_EVENTS = 4_096;
const MAX_BYTES = 8 * 1024 * 1024;

/** The newest committed events, so that live subscriptions do not each read them from disk again. */
export class CommittedTail {
  private events: LogRecord[] = [];
  private bytes = 0;
  /** Everything after this position is here. */
  private floor: number;

  constructor(lastPosition: number) {
    this.floor = lastPosition;
  }

  push(events: readonly LogRecord[]): void {
    for (const event of events) {
      this.events.push(event);
      this.bytes += event.length;
    }
    if (this.events.length > MAX_EVENTS || this.bytes > MAX_BYTES) this.shrink();
  }

  /** The events after `position`, at most one chunk; undefined when they reach further back than the tail. */
  after(position: number): LogRecord[] | undefined {
    if (position < this.floor) return undefined;
    let low = 0;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.events[middle]?.position ?? 0) > position) high = middle;
      else low = middle + 1;
    }
    return this.events.slice(low, low + CHUNK_EVENTS);
  }

  /** Halves the tail at once: one event at a time would move the array on every commit. */
  private shrink(): void {
    let drop = 0;
    while (drop < this.events.length && (this.events.length - drop > MAX_EVENTS / 2 || this.bytes > MAX_BYTES / 2)) {
      const event = this.events[drop++];
      this.bytes -= event?.length ?? 0;
    }
    this.floor = this.events[drop - 1]?.position ?? this.floor;
    this.events = this.events.slice(drop);
  }
}
