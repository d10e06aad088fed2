import { LINK_TYPE, LONG_MAX, LONG_MAX_TEXT, NO_REVISION, type Direction, type RecordedEvent } from '../records';
import type { EventLog } from '../storage/event-log';
import type { StreamCatalog } from './stream-catalog';

/** What one read of a stream gives; `next` is where to go on, undefined at its end. */
export type StreamChunk =
  | { kind: 'events'; events: RecordedEvent[]; next: number | undefined }
  | { kind: 'stream-not-found' }
  | { kind: 'stream-deleted' };

/** An event as it is delivered: a link with its target, a link whose target is hidden, or just an event. */
export interface Delivered {
  readonly event?: RecordedEvent;
  readonly link?: RecordedEvent;
}

/** A whole number, and the name of the stream; zero bytes may follow the number. */
const LINK = /^\s*([+-]?\d{1,32})[\s\0]*(?:@(.*))?$/s;
const HIGHEST_REVISION = BigInt(LONG_MAX_TEXT);
/** In a link: the last event of the stream. */
const LAST = -1;

/** Reads with the rules of visibility. */
export class Reader {
  constructor(
    private readonly log: EventLog,
    private readonly catalog: StreamCatalog,
  ) {}

  /** One chunk of a stream from `revision` on, it included. */
  readStream(stream: string, revision: number, direction: Direction): StreamChunk {
    const last = this.catalog.currentRevision(stream);
    if (last === LONG_MAX) return { kind: 'stream-deleted' };
    if (last === NO_REVISION || this.catalog.isSoftDeleted(stream)) return { kind: 'stream-not-found' };
    const first = this.catalog.firstVisible(stream);
    const [low, high] = direction === 'forwards' ? [Math.max(revision, first), last] : [first, Math.min(revision, last)];
    if (low > high) return { kind: 'events', events: [], next: undefined };
    const events = this.log.readStream(stream, low, high, direction);
    return { kind: 'events', events: this.young(stream, events), next: nextRevision(events, low, high, direction) };
  }

  resolve(record: RecordedEvent): Delivered {
    if (record.type !== LINK_TYPE) return { event: record };
    const match = LINK.exec(Buffer.from(record.data).toString('utf8'));
    const [, number, stream] = match ?? [];
    const revision = number === undefined ? undefined : BigInt(number);
    if (revision === undefined || revision > HIGHEST_REVISION || revision < -HIGHEST_REVISION - 1n) return { event: record };
    const event = stream === undefined ? undefined : this.readEvent(stream, Number(revision));
    return event ? { event, link: record } : { link: record };
  }

  private readEvent(stream: string, asked: number): RecordedEvent | undefined {
    const revision = asked === LAST ? this.catalog.get(stream).last : asked;
    const hidden = this.catalog.currentRevision(stream) === LONG_MAX || revision < this.catalog.firstVisible(stream);
    if (hidden) return undefined;
    const event = this.log.at(stream, revision);
    return event && this.young(stream, [event])[0];
  }

  private young(stream: string, events: RecordedEvent[]): RecordedEvent[] {
    const oldest = this.catalog.oldestVisible(stream, Date.now());
    return oldest === 0 ? events : events.filter(({ created }) => created >= oldest);
  }
}

function nextRevision(events: RecordedEvent[], low: number, high: number, direction: Direction): number | undefined {
  const reached = events.at(-1)?.revision;
  if (reached === undefined) return undefined;
  if (direction === 'forwards') return reached < high ? reached + 1 : undefined;
  return reached > low ? reached - 1 : undefined;
}
