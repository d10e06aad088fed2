import { CommittedTail } from './storage/committed-tail';
import { DataFolderError } from './storage/data-folder-error';
import { EventLog } from './storage/event-log';
import type { LogRecord } from './storage/log-record';
import { metadataEvent } from './streams/apply-write';
import { Reader } from './streams/reader';
import { StreamCatalog } from './streams/stream-catalog';
import { Writer } from './streams/writer';

type CommitListener = (events: readonly LogRecord[]) => void;

const FIRST_METASTREAM = '$$$scavenges';
const FIRST_METADATA = '{"$maxAge":2592000,"$acl":{"$r":"$ops","$w":[],"$d":[],"$mr":[],"$mw":[]}}';

/** The event store without its wire. */
export class Store {
  readonly catalog: StreamCatalog;
  readonly reader: Reader;
  readonly writer: Writer;
  private readonly tail: CommittedTail;
  private readonly listeners = new Set<CommitListener>();

  private constructor(readonly log: EventLog) {
    this.catalog = new StreamCatalog(log);
    this.reader = new Reader(log, this.catalog);
    this.tail = new CommittedTail(log.lastPosition);
    this.writer = new Writer(log, this.catalog, (events) => this.committed(events));
  }

  /** @throws DataFolderError when the folder is in use, damaged, or cannot be written. */
  static async open(dataDir: string): Promise<Store> {
    const store = new Store(new EventLog(dataDir));
    try {
      if (store.log.lastPosition === 0) await store.writeFirstEvents();
    } catch (error) {
      await store.close();
      throw error;
    }
    return store;
  }

  /** Calls back after every commit, until the returned function is called. */
  onCommitted(listener: CommitListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** One chunk of the log after `position`. */
  after(position: number): readonly LogRecord[] {
    return this.tail.after(position) ?? this.log.after(position);
  }

  async close(): Promise<void> {
    await this.writer.idle();
    this.listeners.clear();
    this.log.close();
  }

  private committed(events: readonly LogRecord[]): void {
    this.tail.push(events);
    for (const listener of [...this.listeners]) listener(events);
  }

  /** A fresh node has a system event in `$all`, so readers that forget those are found out. */
  private async writeFirstEvents(): Promise<void> {
    const events = [metadataEvent(Buffer.from(FIRST_METADATA))];
    const result = await this.writer.write({ kind: 'append', stream: FIRST_METASTREAM, expected: 'no_stream', events });
    if (result.kind === 'failed') throw new DataFolderError(`cannot write the first events: ${result.reason}`);
  }
}
