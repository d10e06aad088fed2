import { LONG_MAX, LONG_MAX_TEXT, type RecordedEvent } from '../records';
import type { Delivered } from '../streams/reader';

/**
 * Encodes ReadResp{event} by hand: google-protobuf takes several times as long, and this is most of what a reader waits
 * for. Field numbers are those of streams.proto.
 */
export function encodeDelivered({ event, link }: Delivered): Buffer {
  const eventPlan = event && plan(event);
  const linkPlan = link && plan(link);
  const position = (link ?? event)?.position ?? 0;
  const size =
    (eventPlan ? fieldSize(eventPlan.size) : 0) + (linkPlan ? fieldSize(linkPlan.size) : 0) + 1 + varintSize(position);
  const writer = new Writer(fieldSize(size));
  writer.header(1, size);
  if (eventPlan) writeRecorded(writer, 1, eventPlan);
  if (linkPlan) writeRecorded(writer, 2, linkPlan);
  writer.number(3, position);
  return writer.buffer;
}

interface Plan {
  readonly record: RecordedEvent;
  readonly stream: Buffer;
  readonly type: Buffer;
  readonly created: string;
  readonly contentType: string;
  readonly size: number;
}

const UUID_SIZE = 36;
const REVISION_SIZE_OF_LONG_MAX = 9;

function plan(record: RecordedEvent): Plan {
  const stream = Buffer.from(record.stream);
  const type = Buffer.from(record.type);
  // In ticks of 100 ns, which a number cannot hold.
  const created = `${record.created}0000`;
  const contentType = record.isJson ? 'application/json' : 'application/octet-stream';
  const size =
    fieldSize(fieldSize(UUID_SIZE)) +
    fieldSize(fieldSize(stream.length)) +
    1 + (record.revision === LONG_MAX ? REVISION_SIZE_OF_LONG_MAX : varintSize(record.revision)) +
    2 * (1 + varintSize(record.position)) +
    fieldSize(entrySize(4, type.length)) +
    fieldSize(entrySize(7, created.length)) +
    fieldSize(entrySize(12, contentType.length)) +
    fieldSize(record.metadata.length) +
    fieldSize(record.data.length);
  return { record, stream, type, created, contentType, size };
}

function writeRecorded(writer: Writer, field: number, { record, stream, type, created, contentType, size }: Plan): void {
  writer.header(field, size);
  writer.header(1, fieldSize(UUID_SIZE));
  writer.ascii(2, record.id);
  writer.header(2, fieldSize(stream.length));
  writer.bytes(3, stream);
  if (record.revision === LONG_MAX) writer.longMax(3);
  else writer.number(3, record.revision);
  writer.number(4, record.position);
  writer.number(5, record.position);
  writer.header(6, entrySize(4, type.length));
  writer.ascii(1, 'type');
  writer.bytes(2, type);
  writer.header(6, entrySize(7, created.length));
  writer.ascii(1, 'created');
  writer.ascii(2, created);
  writer.header(6, entrySize(12, contentType.length));
  writer.ascii(1, 'content-type');
  writer.ascii(2, contentType);
  writer.bytes(7, record.metadata);
  writer.bytes(8, record.data);
}

/** Length-delimited: a one-byte tag (all field numbers here are below 16), the length, the bytes. */
const fieldSize = (length: number): number => 1 + varintSize(length) + length;
const entrySize = (key: number, value: number): number => fieldSize(key) + fieldSize(value);

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

const LONG_MAX_VARINT = Buffer.from([...Array<number>(8).fill(0xff), 0x7f]);

class Writer {
  readonly buffer: Buffer;
  private offset = 0;

  constructor(size: number) {
    this.buffer = Buffer.allocUnsafe(size);
  }

  header(field: number, length: number): void {
    this.buffer[this.offset++] = (field << 3) | 2;
    this.varint(length);
  }

  bytes(field: number, value: Uint8Array): void {
    this.header(field, value.length);
    this.buffer.set(value, this.offset);
    this.offset += value.length;
  }

  ascii(field: number, value: string): void {
    this.header(field, value.length);
    this.offset += this.buffer.write(value, this.offset, 'latin1');
  }

  number(field: number, value: number): void {
    this.buffer[this.offset++] = field << 3;
    this.varint(value);
  }

  /** LONG_MAX stands for LONG_MAX_TEXT, which is nine bytes as a varint. */
  longMax(field: number): void {
    this.buffer[this.offset++] = field << 3;
    this.buffer.set(LONG_MAX_VARINT, this.offset);
    this.offset += LONG_MAX_VARINT.length;
  }

  private varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.buffer[this.offset++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.buffer[this.offset++] = rest;
  }
}

/** A revision as the wire has it in text fields. */
export const revisionText = (revision: number): string => (revision === LONG_MAX ? LONG_MAX_TEXT : String(revision));
