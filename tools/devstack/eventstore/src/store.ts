import type { RecordedEvent } from './records';
import { CommittedTail } from './storage/committed-tail';
import { DataFolderError, EventLog } from './storage/event-log';
import { Reader } from './streams/reader';
import { StreamCatalog } from './streams/stream-catalog';
import { metadataEvent, Writer } from './streams/writer';

type CommitListener = (events: readonly RecordedEvent[]) => void;

const FIRST_METASTREAM = '$$$scavenges';
const FIRST_METADATA = '{"$maxAge":2592000,"$acl":{"$r":"$ops","$w":[],"$d":[],"$mr":[],"$mw":[]}}';

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

  /** A fresh node has a system event in `$all`, so readers that forget those are found out. */
  private writeFirstEvents(): void {
    const events = [metadataEvent(Buffer.from(FIRST_METADATA))];
    void this.writer.write({ kind: 'append', stream: FIRST_METASTREAM, expected: 'no_stream', events });
    this.writer.flush();
    if (this.log.lastPosition === 0) throw new DataFolderError('cannot write the first events of the log');
  }
}
