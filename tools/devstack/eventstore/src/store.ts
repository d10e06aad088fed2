import type { RecordedEvent } from './records';
import { CommittedTail } from './storage/committed-tail';
import { EventLog } from './storage/event-log';
import { Reader } from './streams/reader';
import { StreamCatalog } from './streams/stream-catalog';
import { Writer } from './streams/writer';

type CommitListener = (events: readonly RecordedEvent[]) => void;

const FIRST_EVENTS = [{ stream: '$$$users', metadata: '{"$maxCount":1}' }, { stream: '$$$scavenges', metadata: '{"$maxCount":1}' }];
const FIRST_EVENT_IDS = ['6f0f0c1e-6f4c-4f0e-9d6f-0c5a3b8f7a01', '6f0f0c1e-6f4c-4f0e-9d6f-0c5a3b8f7a02'];

/** The event store without its wire. */
export class Store {
  readonly log: EventLog;
  readonly catalog: StreamCatalog;
  readonly reader: Reader;
  readonly writer: Writer;
  private readonly tail: CommittedTail;
  private readonly listeners = new Set<CommitListener>();

  constructor(dataDir: string) {
    this.log = new EventLog(dataDir);
    this.catalog = new StreamCatalog(this.log);
    this.reader = new Reader(this.log, this.catalog);
    this.tail = new CommittedTail(this.log.lastPosition);
    this.writer = new Writer(this.log, this.catalog, (events) => this.committed(events));
    if (this.log.lastPosition === 0) this.writeFirstEvents();
  }

  /** Calls back after every commit, until the returned function is called. */
  onCommitted(listener: CommitListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** One chunk of the log after `position`. */
  after(position: number): RecordedEvent[] {
    return this.tail.after(position) ?? this.log.readAll(position + 1, 'forwards');
  }

  close(): void {
    this.writer.flush();
    this.listeners.clear();
    this.log.close();
  }

  private committed(events: readonly RecordedEvent[]): void {
    this.tail.push(events);
    for (const listener of [...this.listeners]) listener(events);
  }

  /** A fresh node has system events in `$all`, so readers that forget them are found out. */
  private writeFirstEvents(): void {
    const empty = Buffer.alloc(0);
    FIRST_EVENTS.forEach(({ stream, metadata }, index) => {
      const id = FIRST_EVENT_IDS[index] ?? '';
      const event = { id, type: '$metadata', isJson: true, data: Buffer.from(metadata), metadata: empty };
      void this.writer.write({ kind: 'append', stream, expected: 'no_stream', events: [event] });
    });
    this.writer.flush();
  }
}
