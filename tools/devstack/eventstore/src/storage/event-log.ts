import { join } from 'node:path';
import type { Direction } from '../records';
import { DataFolderError } from './data-folder-error';
import { FIRST_POSITION, LogFile, type LogChunk } from './log-file';
import { LogRecord, type NewRecord } from './log-record';
import { StreamIndex } from './stream-index';

const FILE = 'events.log';

/** How many events of one stream are read at once. */
const CHUNK_EVENTS = 128;
/** Events that the index keeps in memory before it writes them, which takes some 20 ms: fewer would cost more for each. */
const INDEX_LUMP = 4_096;

/** The durable log: a file of events, and an index of where each stream has its own. */
export class EventLog {
  private readonly index: StreamIndex;
  private readonly file: LogFile;
  private last: number;

  constructor(dataDir: string) {
    this.index = new StreamIndex(dataDir);
    try {
      this.file = new LogFile(join(dataDir, FILE));
      this.file.recover(this.index.indexedTo, (write) => this.indexAgain(write));
      this.last = this.file.lastBefore(this.file.end)?.position ?? 0;
    } catch (error) {
      this.index.close();
      if (error instanceof DataFolderError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new DataFolderError(`cannot open the event log in ${dataDir}: ${reason}`, { cause: error });
    }
  }

  /** The position of the last event, 0 for an empty log. */
  get lastPosition(): number {
    return this.last;
  }

  /** Where the next event will be. */
  get nextPosition(): number {
    return this.file.end;
  }

  /** Writes records that begin at `nextPosition`; resolves once they are durable. When it fails, nothing of them is left. */
  async append(records: readonly NewRecord[]): Promise<LogRecord[]> {
    if (this.index.size >= INDEX_LUMP) this.index.flush(this.file.end);
    const bytes = encoded(records);
    const start = this.file.end;
    await this.file.append(bytes);
    return records.map(({ position, placed }) => {
      this.last = position;
      this.index.add({ stream: placed.stream, revision: placed.revision, position });
      return LogRecord.of(bytes, position - start, position);
    });
  }

  lastOf(stream: string): LogRecord | undefined {
    return this.first(stream, this.index.places(stream, 'backwards'));
  }

  at(stream: string, revision: number): LogRecord | undefined {
    return this.first(stream, this.index.places(stream, 'forwards', revision, revision));
  }

  /** Whether an event begins here. */
  has(position: number): boolean {
    const record = this.file.at(position);
    // The bytes of an event might look like a record.
    return record?.isIntact === true && this.at(record.stream, record.revision)?.position === position;
  }

  /** One chunk of a stream between two revisions, both included. */
  readStream(stream: string, low: number, high: number, direction: Direction): LogRecord[] {
    const positions = this.index.positions(stream, direction, low, high, CHUNK_EVENTS);
    return this.file.read(positions).filter((record) => record.stream === stream);
  }

  /** One chunk of the log: forwards from `position` on, it included; backwards from just before it. */
  readAll(position: number, direction: Direction): LogChunk {
    return this.file.chunk(position, direction);
  }

  /** One chunk of the log after the event at `position`; 0 is before the first one. */
  after(position: number): readonly LogRecord[] {
    const from = position === 0 ? FIRST_POSITION : this.file.at(position)?.next;
    return from === undefined ? [] : this.file.chunk(from, 'forwards').records;
  }

  close(): void {
    this.index.flush(this.file.end);
    this.index.close();
    this.file.close();
  }

  private first(stream: string, places: Iterable<{ position: number }>): LogRecord | undefined {
    for (const { position } of places) {
      const [record] = this.file.read([position]);
      if (record?.stream === stream) return record;
    }
    return undefined;
  }

  private indexAgain(write: readonly LogRecord[]): void {
    for (const record of write) this.index.add(record);
    if (this.index.size >= INDEX_LUMP) this.index.flush(write.at(-1)?.next ?? this.file.end);
  }
}

function encoded(records: readonly NewRecord[]): Buffer {
  const bytes = Buffer.allocUnsafe(records.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const record of records) {
    record.write(bytes, offset);
    offset += record.length;
  }
  return bytes;
}
