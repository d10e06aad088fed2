import { createReadStream } from 'node:fs';
import { open, stat, truncate, writeFile, type FileHandle } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { crc32 } from 'node:zlib';
import type { Position, RecordedEvent } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
import { roundToBlocks } from '../disk/budget';
import { absentIfMissing } from '../disk/disk-errors';

const VERSION = 1;
/** Bytes that wait to be written: soon after, and at most. */
const FLUSH_BYTES = 256 * 1024;
const FLUSH_MS = 1_000;
/** The end of the file that is looked at for its last event; one event of uses has at most some 500 KiB. */
const TAIL_BYTES = 1024 * 1024;
/** Some two million events. */
const MAX_BYTES = 512 * 1024 * 1024;

export interface JournalOf {
  readonly nodeId: string;
  /** Of the streams whose events are kept. */
  readonly prefixes: readonly string[];
}

type Line = readonly [id: string, streamName: string, revision: number, position: Position, created: string, type: string, data: unknown, owner: string];

/**
 * The cache's own copy of the events that it follows, in a file beside its folders: to read them there at a start is many
 * times faster than from the event store, which stays the truth. One that is of another node, of other streams, of another
 * version or of another event store is not used and begun anew; one whose end is damaged is used up to there. What could not
 * be written, or is more than it may hold, is read from the event store again.
 */
export class EventJournal {
  private lines: string[] = [];
  private waiting = 0;
  private bytes = 0;
  /** Blocks of the disk that it may fill. */
  private room = 0;
  private isFull = false;
  private handle?: FileHandle;
  private timer?: NodeJS.Timeout;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly path: string,
    private readonly of: JournalOf,
    private readonly logger: Logger,
    private readonly takeRoom: (bytes: number) => boolean,
  ) {}

  /**
   * Gives the events that were kept to `onEvent`, in order, and is ready for more then.
   * @param isInStore whether the event store has this very event
   * @returns the position of the last one
   */
  async replay(isInStore: (event: RecordedEvent) => Promise<boolean>, onEvent: (event: RecordedEvent) => Promise<void>): Promise<Position | 'start'> {
    const last = await this.last().catch((error: unknown) => this.unreadable(error));
    const isOurs = last !== undefined && (await isInStore(last));
    const { position, goodBytes } = isOurs ? await this.readAll(onEvent) : { position: 'start' as const, goodBytes: 0 };
    await this.goOn(goodBytes);
    return position;
  }

  /** Without the file, or with a part of it, the cache starts all the same. */
  private async goOn(goodBytes: number): Promise<void> {
    try {
      if (goodBytes) await truncate(this.path, goodBytes);
      else await writeFile(this.path, this.header, { mode: 0o600 });
      this.handle = await open(this.path, 'a');
      this.bytes = 0;
      this.isFull = !this.fits(goodBytes || Buffer.byteLength(this.header));
    } catch (error) {
      this.logger.warn({ err: error }, 'the copy of the events cannot be written; the next start reads them from the event store');
    }
  }

  /** Keeps an event. Resolves when there is room for the next. */
  async append({ id, streamName, revision, position, created, type, data, metadata: { owner } }: RecordedEvent): Promise<void> {
    if (!this.handle || this.isFull) return;
    const line: Line = [id, streamName, revision, position, created, type, data, owner];
    const text = sealed(line);
    if (!this.fits(Buffer.byteLength(text))) return;
    this.lines.push(text);
    this.waiting += text.length;
    this.timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref();
    if (this.waiting < FLUSH_BYTES) return;
    this.flush();
    await this.writing;
  }

  async close(): Promise<void> {
    this.flush();
    await this.writing;
    await this.handle?.close();
    this.handle = undefined;
  }

  private get header(): string {
    return sealed({ version: VERSION, ...this.of });
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const text = this.lines.join('');
    this.lines = [];
    this.waiting = 0;
    if (text) this.writing = this.writing.then(() => this.write(text));
  }

  /** Room first. Where there is none nothing more is kept until the next start: the file must have no gap. */
  private fits(bytes: number): boolean {
    const more = roundToBlocks(this.bytes + bytes) - this.room;
    this.isFull = this.bytes + bytes > MAX_BYTES || (more > 0 && !this.takeRoom(more));
    if (this.isFull) {
      this.logger.info({ bytes: this.bytes }, 'the copy of the events is as large as it may be; the next start reads the rest from the event store');
      return false;
    }
    this.bytes += bytes;
    this.room += Math.max(0, more);
    return true;
  }

  /** After a failure nothing more is kept: the file must have no gap. */
  private async write(text: string): Promise<void> {
    try {
      await this.handle?.writeFile(text);
    } catch (error) {
      this.logger.warn({ err: error }, 'the copy of the events could not be written; the next start reads the rest from the event store');
      await this.handle?.close();
      this.handle = undefined;
    }
  }

  private unreadable(error: unknown): undefined {
    this.logger.warn({ err: error }, 'the copy of the events cannot be read; the rest is read from the event store');
    return undefined;
  }

  /** Undefined where the file is none of ours, or where its end tells nothing. */
  private async last(): Promise<RecordedEvent | undefined> {
    const size = (await stat(this.path).catch(absentIfMissing))?.size;
    if (size === undefined) return undefined;
    const handle = await open(this.path, 'r');
    try {
      const head = Buffer.alloc(Buffer.byteLength(this.header));
      await handle.read(head, 0, head.length, 0);
      if (head.toString() !== this.header) return undefined;
      const start = Math.max(head.length, size - TAIL_BYTES);
      const tail = Buffer.alloc(Math.max(0, size - start));
      const { bytesRead } = await handle.read(tail, 0, tail.length, start);
      const lines = tail.subarray(0, bytesRead).toString().split('\n').slice(0, -1);
      return eventOf(lines.findLast((line) => eventOf(line) !== undefined) ?? '');
    } finally {
      await handle.close();
    }
  }

  private async readAll(onEvent: (event: RecordedEvent) => Promise<void>): Promise<{ position: Position | 'start'; goodBytes: number }> {
    let position: Position | 'start' = 'start';
    let goodBytes = Buffer.byteLength(this.header);
    const { size } = await stat(this.path);
    const file = createReadStream(this.path, { start: goodBytes, highWaterMark: FLUSH_BYTES });
    let unread: unknown;
    file.once('error', (error) => (unread = error));
    try {
      for await (const line of createInterface({ input: file, crlfDelay: Infinity })) {
        const event = eventOf(line);
        const bytes = Buffer.byteLength(line) + 1;
        // The last line may be cut off exactly before its end.
        if (!event || goodBytes + bytes > size) break;
        await onEvent(event);
        position = event.position;
        goodBytes += bytes;
      }
    } catch (error) {
      if (error !== unread) throw error;
      this.unreadable(error);
    }
    file.destroy();
    return { position, goodBytes };
  }
}

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0');
const CHECKSUM_LENGTH = 8;

/** One line: readers of lines take two more characters for an end. */
const sealed = (value: unknown): string => {
  const json = JSON.stringify(value).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
  return `${checksum(json)} ${json}\n`;
};

const eventOf = (line: string): RecordedEvent | undefined => {
  const json = line.slice(CHECKSUM_LENGTH + 1);
  if (!json || line.slice(0, CHECKSUM_LENGTH) !== checksum(json)) return undefined;
  const [id, streamName, revision, position, created, type, data, owner] = JSON.parse(json) as Line;
  return { id, streamName, revision, position, created, type, data, metadata: { ...NO_METADATA, owner } } as RecordedEvent;
};

const NO_METADATA = { $correlationId: '', $causationId: '', commandId: '', actor: '' };
