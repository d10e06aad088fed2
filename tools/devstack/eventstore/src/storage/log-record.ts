import { crc32 } from 'node:zlib';
import type { RecordedEvent } from '../records';
import { DataFolderError } from './data-folder-error';
import { EventEncoder, UUID_SIZE, type PlacedEvent } from '../wire/encode-read';

/*
 * A record of the log, little endian:
 *
 *   0  u32  length of the whole record
 *   4  u32  checksum: CRC-32 of all that follows but the last length, begun with the position
 *   8  f64  created, ms since the epoch      16  f64  revision
 *  24  u32  offset of the id, 28 of the stream's name, 32 length of the name, 36 offset of the type, 40 length of it
 *  44  u32  length of the data, which end where the event ends      48  u32  flags
 *  52       the event as RecordedEvent of streams.proto
 *  -4  u32  length of the whole record again, for reading backwards
 */
const HEADER = 52;
const TRAILER = 4;
const CHECKED_FROM = 8;
const IS_JSON = 1;
const ENDS_WRITE = 2;

/** More than any event: a message that brings one has at most 16 MiB. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** What a record takes around its event. */
const RECORD_OVERHEAD = HEADER + TRAILER;

/** An event that has its place in the log and is not written yet. */
export class NewRecord {
  readonly length: number;
  private readonly encoder: EventEncoder;
  /** The last one of what is written whole or not at all. */
  endsWrite = false;

  constructor(readonly placed: PlacedEvent) {
    this.encoder = new EventEncoder(placed);
    this.length = RECORD_OVERHEAD + this.encoder.length;
  }

  get position(): number {
    return this.placed.position;
  }

  write(target: Buffer, offset: number): void {
    const { position, revision, created, event } = this.placed;
    const texts = this.encoder.write(target, offset + HEADER);
    target.writeUInt32LE(this.length, offset);
    target.writeDoubleLE(created, offset + 8);
    target.writeDoubleLE(revision, offset + 16);
    target.writeUInt32LE(texts.id - offset, offset + 24);
    target.writeUInt32LE(texts.stream - offset, offset + 28);
    target.writeUInt32LE(texts.streamLength, offset + 32);
    target.writeUInt32LE(texts.type - offset, offset + 36);
    target.writeUInt32LE(texts.typeLength, offset + 40);
    target.writeUInt32LE(event.data.length, offset + 44);
    target.writeUInt32LE((event.isJson ? IS_JSON : 0) | (this.endsWrite ? ENDS_WRITE : 0), offset + 48);
    target.writeUInt32LE(this.length, offset + this.length - TRAILER);
    target.writeUInt32LE(checksum(target, offset, this.length, position), offset + 4);
  }
}

const checksum = (bytes: Buffer, start: number, length: number, position: number): number =>
  crc32(bytes.subarray(start + CHECKED_FROM, start + length - TRAILER), position % 2 ** 32);

/** A record as it lies in some bytes of the log; its parts are read when they are asked for. */
export class LogRecord implements RecordedEvent {
  private name: string | undefined;
  private checked = false;

  private constructor(
    private readonly bytes: Buffer,
    private readonly start: number,
    readonly position: number,
    readonly length: number,
  ) {}

  /** The record that was written here. */
  static of(bytes: Buffer, start: number, position: number): LogRecord {
    const record = new LogRecord(bytes, start, position, bytes.readUInt32LE(start));
    record.checked = true;
    return record;
  }

  /** How long the record is that begins here; undefined where its length is not there or cannot be one. */
  static lengthAt(bytes: Buffer, start: number): number | undefined {
    if (start + TRAILER > bytes.length) return undefined;
    const length = bytes.readUInt32LE(start);
    return length > RECORD_OVERHEAD && length <= MAX_RECORD_BYTES ? length : undefined;
  }

  /** How long the record is that ends here. */
  static lengthBefore(bytes: Buffer, end: number): number | undefined {
    return end < TRAILER ? undefined : LogRecord.lengthAt(bytes, end - TRAILER);
  }

  /** The record that begins here, at `position` of the log; undefined when it is not all there. */
  static at(bytes: Buffer, start: number, position: number): LogRecord | undefined {
    const length = LogRecord.lengthAt(bytes, start);
    if (length === undefined || start + length > bytes.length) return undefined;
    if (bytes.readUInt32LE(start + length - TRAILER) !== length) return undefined;
    return new LogRecord(bytes, start, position, length);
  }

  /** Whether it is as it was written, and written here. */
  get isIntact(): boolean {
    return checksum(this.bytes, this.start, this.length, this.position) === this.bytes.readUInt32LE(this.start + 4);
  }

  /** Where the next record begins. */
  get next(): number {
    return this.position + this.length;
  }

  get endsWrite(): boolean {
    return (this.field(48) & ENDS_WRITE) !== 0;
  }

  get created(): number {
    return this.bytes.readDoubleLE(this.start + 8);
  }

  get revision(): number {
    return this.bytes.readDoubleLE(this.start + 16);
  }

  get id(): string {
    const from = this.start + this.field(24);
    return this.bytes.toString('latin1', from, from + UUID_SIZE);
  }

  get stream(): string {
    this.name ??= this.text(28, 32);
    return this.name;
  }

  get type(): string {
    return this.text(36, 40);
  }

  get isJson(): boolean {
    return (this.field(48) & IS_JSON) !== 0;
  }

  get data(): Buffer {
    const end = this.start + this.length - TRAILER;
    return this.bytes.subarray(end - this.field(44), end);
  }

  get encodedLength(): number {
    return this.length - RECORD_OVERHEAD;
  }

  /** @throws DataFolderError when the record is not as it was written. */
  copyEncoded(target: Buffer, offset: number): void {
    if (!this.checked && !this.isIntact) throw new DataFolderError(`the event log is damaged at position ${this.position}`);
    this.checked = true;
    const { bytes, start, length } = this;
    bytes.copy(target, offset, start + HEADER, start + length - TRAILER);
  }

  private text(offsetField: number, lengthField: number): string {
    const from = this.start + this.field(offsetField);
    return this.bytes.toString('utf8', from, from + this.field(lengthField));
  }

  private field(offset: number): number {
    return this.bytes.readUInt32LE(this.start + offset);
  }
}
