import { closeSync, fdatasync, fstatSync, fsyncSync, ftruncateSync, openSync, readdirSync, readSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Direction } from '../records';
import { DataFolderError } from './data-folder-error';
import { LogRecord } from './log-record';

const sync = promisify(fdatasync);

/** Where the first record is, after the name of the format. Not 0, which means the start of the log. */
export const FIRST_POSITION = 128;
const FORMAT = Buffer.alloc(FIRST_POSITION, 'Ferry event log, format 1\n'.padEnd(FIRST_POSITION, ' '));

/** How much of the log is read at once: many events, yet little enough that nobody else waits. */
const WINDOW_BYTES = 64 * 1024;
const SCAN_BYTES = 1024 * 1024;

/** So many of the newest files with what was cut off are kept. */
const KEPT_CUTS = 5;

/** A read of records here and there ends after so much. */
const READ_BYTES = 1024 * 1024;

/** Records that lie closer than this are read in one go. */
const GAP_BYTES = 16 * 1024;
/** What is read beyond the beginning of a record whose length is not known yet. */
const USUAL_RECORD_BYTES = 2 * 1024;

/** The records of one read, and where to go on. */
export interface LogChunk {
  readonly records: LogRecord[];
  /** Undefined at the end. */
  readonly next: number | undefined;
}

/** An append-only file of records. The position of a record is its offset. */
export class LogFile {
  private readonly fd: number;
  private endOfLog = FIRST_POSITION;
  private broken: string | undefined;

  constructor(private readonly file: string) {
    this.fd = openLog(file);
  }

  /** Where the next record will be: what is before it is durable and whole. */
  get end(): number {
    return this.endOfLog;
  }

  /**
   * Finds the end of the log: `from` is a position up to which it is known to be whole. What follows the last whole write
   * is cut off and kept in a file of its own: usually a write that was not finished, of which nobody was told, but it may
   * also be damage to writes that were.
   */
  recover(from: number, onWrite: (records: LogRecord[]) => void): void {
    const { size } = fstatSync(this.fd);
    if (from > size) throw new DataFolderError(`the event log ${this.file} is damaged: it ends at ${size}, and had ${from} bytes`);
    this.endOfLog = size;
    // What is there may not have been synced before the last process died, and the index relies on it.
    fsyncSync(this.fd);
    if (from > FIRST_POSITION && !this.lastBefore(from)?.isIntact) throw this.damaged(from);
    let end = from;
    for (const write of this.wholeWrites(from)) {
      onWrite(write);
      end = write.at(-1)?.next ?? end;
    }
    if (size > end) this.cutOff(end);
    this.endOfLog = end;
  }

  /**
   * Writes records that begin at the end of the log; resolves once they are durable. When that fails, the log is as it
   * was. One call at a time.
   */
  async append(bytes: Buffer): Promise<void> {
    if (this.broken !== undefined) throw new Error(this.broken);
    try {
      for (let written = 0; written < bytes.length; ) {
        written += writeSync(this.fd, bytes, written, bytes.length - written, this.endOfLog + written);
      }
      await sync(this.fd);
    } catch (error) {
      this.takeBack();
      throw error;
    }
    this.endOfLog += bytes.length;
  }

  /** The record at `position`; undefined when none begins there. */
  at(position: number): LogRecord | undefined {
    if (position < FIRST_POSITION || position >= this.endOfLog) return undefined;
    const [record] = this.around([position]);
    return record;
  }

  /** The records at these positions, in this order: all of them, or the first ones if all would be too much. */
  read(positions: readonly number[]): LogRecord[] {
    const records: LogRecord[] = [];
    let bytes = 0;
    while (records.length < positions.length && bytes < READ_BYTES) {
      const group = near(positions, records.length);
      for (const record of this.around(group)) {
        if (!record) throw this.damaged(Math.min(...group));
        records.push(record);
        bytes += record.length;
      }
    }
    return records;
  }

  /** One chunk of the log: forwards from `position` on, it included; backwards from just before it. */
  chunk(position: number, direction: Direction): LogChunk {
    return direction === 'forwards' ? this.forwards(Math.max(position, FIRST_POSITION)) : this.backwards(Math.min(position, this.endOfLog));
  }

  lastBefore(position: number): LogRecord | undefined {
    return position <= FIRST_POSITION ? undefined : this.backwards(position, USUAL_RECORD_BYTES).records[0];
  }

  close(): void {
    closeSync(this.fd);
  }

  private forwards(position: number, atOnce = WINDOW_BYTES): LogChunk {
    const records: LogRecord[] = [];
    if (position >= this.endOfLog) return { records, next: undefined };
    let bytes = this.bytes(position, atOnce);
    const first = LogRecord.lengthAt(bytes, 0);
    if (first !== undefined && first > bytes.length) bytes = this.bytes(position, first);
    let offset = 0;
    for (let record; (record = LogRecord.at(bytes, offset, position + offset)); offset += record.length) records.push(record);
    if (records.length === 0) throw this.damaged(position);
    const next = position + offset;
    return { records, next: next < this.endOfLog ? next : undefined };
  }

  private backwards(position: number, atOnce = WINDOW_BYTES): LogChunk {
    const records: LogRecord[] = [];
    if (position <= FIRST_POSITION) return { records, next: undefined };
    let from = Math.max(FIRST_POSITION, position - atOnce);
    let bytes = this.bytes(from, position - from);
    const last = LogRecord.lengthBefore(bytes, bytes.length);
    if (last !== undefined && last > bytes.length && position - last >= FIRST_POSITION) {
      from = position - last;
      bytes = this.bytes(from, last);
    }
    let end = bytes.length;
    for (let length; (length = LogRecord.lengthBefore(bytes, end)) !== undefined && length <= end; end -= length) {
      const record = LogRecord.at(bytes, end - length, from + end - length);
      if (!record) throw this.damaged(from + end - length);
      records.push(record);
    }
    if (records.length === 0) throw this.damaged(position);
    const next = from + end;
    return { records, next: next > FIRST_POSITION ? next : undefined };
  }

  /** Records close to each other, out of one read. */
  private around(positions: readonly number[]): (LogRecord | undefined)[] {
    const from = Math.min(...positions);
    const bytes = this.bytes(from, Math.max(...positions) - from + USUAL_RECORD_BYTES);
    return positions.map((position) => LogRecord.at(bytes, position - from, position) ?? this.large(position));
  }

  private large(position: number): LogRecord | undefined {
    const length = LogRecord.lengthAt(this.bytes(position, USUAL_RECORD_BYTES), 0);
    return length === undefined || position + length > this.endOfLog ? undefined : LogRecord.at(this.bytes(position, length), 0, position);
  }

  private *wholeWrites(from: number): Generator<LogRecord[]> {
    let write: LogRecord[] = [];
    for (let position = from; position < this.endOfLog; ) {
      const bytes = this.scanned(position);
      let offset = 0;
      for (let record = intactAt(bytes, 0, position); record; record = intactAt(bytes, offset, position + offset)) {
        offset += record.length;
        write.push(record);
        if (!record.endsWrite) continue;
        yield write;
        write = [];
      }
      if (offset === 0) return;
      position += offset;
    }
  }

  private scanned(position: number): Buffer {
    const bytes = this.bytes(position, SCAN_BYTES);
    const length = LogRecord.lengthAt(bytes, 0) ?? 0;
    return length > bytes.length ? this.bytes(position, length) : bytes;
  }

  /** At most `length` bytes of the log; fewer where it ends. */
  private bytes(position: number, length: number): Buffer {
    const wanted = Math.min(length, this.endOfLog - position);
    const bytes = Buffer.allocUnsafeSlow(wanted);
    let read = 0;
    while (read < wanted) {
      const more = readSync(this.fd, bytes, read, wanted - read, position + read);
      if (more === 0) throw this.damaged(position + read);
      read += more;
    }
    return bytes;
  }

  private cutOff(end: number): void {
    const copy = `${this.file}.cut-${new Date().toISOString().replaceAll(':', '-')}`;
    const fd = openSync(copy, 'wx');
    try {
      for (let position = end; position < this.endOfLog; ) position += writeSync(fd, this.bytes(position, SCAN_BYTES));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    this.removeOldCuts();
    process.stderr.write(`event store: the log ${this.file} has no whole write after ${end}: ${this.endOfLog - end} bytes are cut off and kept in ${copy}\n`);
    ftruncateSync(this.fd, end);
    fsyncSync(this.fd);
  }

  private removeOldCuts(): void {
    const folder = dirname(this.file);
    const cuts = readdirSync(folder).filter((name) => name.startsWith(`${basename(this.file)}.cut-`)).sort();
    for (const name of cuts.slice(0, -KEPT_CUTS)) rmSync(join(folder, name));
  }

  private takeBack(): void {
    try {
      ftruncateSync(this.fd, this.endOfLog);
      fsyncSync(this.fd);
    } catch (error) {
      this.broken = `a write could not be taken back, so nothing is written any more until a restart: ${String(error)}`;
    }
  }

  private damaged(position: number): DataFolderError {
    return new DataFolderError(`the event log ${this.file} is damaged at position ${position}: restore the folder from a copy, or begin with an empty one`);
  }
}

function intactAt(bytes: Buffer, start: number, position: number): LogRecord | undefined {
  const record = LogRecord.at(bytes, start, position);
  return record?.isIntact ? record : undefined;
}

/** The positions from `start` on that one read should get. */
function near(positions: readonly number[], start: number): number[] {
  const group: number[] = [];
  for (let index = start; index < positions.length; index++) {
    const position = positions[index] ?? 0;
    const [first = position, last = position] = [group[0], group.at(-1)];
    if (Math.abs(position - last) > GAP_BYTES || Math.abs(position - first) > WINDOW_BYTES) break;
    group.push(position);
  }
  return group;
}

function openLog(file: string): number {
  closeSync(openSync(file, 'a'));
  const fd = openSync(file, 'r+');
  const start = Buffer.alloc(FIRST_POSITION);
  if (readSync(fd, start, 0, FIRST_POSITION, 0) < FIRST_POSITION) begin(fd, file);
  else if (!start.equals(FORMAT)) throw new DataFolderError(`${file} is no event log of this version: begin with an empty folder`);
  return fd;
}

/** Its name must be as durable as what will be in it. */
function begin(fd: number, file: string): void {
  writeSync(fd, FORMAT, 0, FORMAT.length, 0);
  fsyncSync(fd);
  // Windows has no handle of a folder to sync.
  if (process.platform === 'win32') return;
  const folder = openSync(dirname(file), 'r');
  fsyncSync(folder);
  closeSync(folder);
}
