import { isUtf8 } from 'node:buffer';

/** Bytes that are no message. */
export class MalformedMessageError extends Error {}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const START_GROUP = 3;
const END_GROUP = 4;
const FIXED32 = 5;
/** Groups in groups; more is refused. */
const MAX_DEPTH = 100;
const MAX_VARINT_BYTES = 10;
/** What takes the place of bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd';

/** What `next` gives for a field that holds a number. */
export const varintField = (field: number): number => (field << 3) | VARINT;
/** What `next` gives for a field that holds bytes, text or a message. */
export const lengthField = (field: number): number => (field << 3) | LENGTH_DELIMITED;

/**
 * Reads the fields of a message one after the other. By hand, because google-protobuf takes several times as long.
 * All methods throw MalformedMessageError where the message ends too early.
 */
export class ProtobufReader {
  private tag = 0;

  constructor(
    private readonly buffer: Buffer,
    private offset = 0,
    private readonly end = buffer.length,
  ) {}

  /** The number and kind of the next field, to be compared with `varintField` and `lengthField`; 0 at the end. */
  next(): number {
    if (this.offset >= this.end) return 0;
    this.tag = this.number();
    if (this.tag >>> 3 === 0) throw new MalformedMessageError('a field has the number 0');
    return this.tag;
  }

  /** Exact up to 2^53. */
  number(): number {
    let value = 0;
    for (let factor = 1, count = 0; count < MAX_VARINT_BYTES; factor *= 128, count++) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new MalformedMessageError('a number has more than ten bytes');
  }

  uint64(): bigint {
    let value = 0n;
    for (let shift = 0n, count = 0; count < MAX_VARINT_BYTES; shift += 7n, count++) {
      const byte = this.byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
    throw new MalformedMessageError('a number has more than ten bytes');
  }

  /** A part of the buffer, not a copy. */
  bytes(): Buffer {
    const from = this.skipped();
    return this.buffer.subarray(from, this.offset);
  }

  text(): string {
    const from = this.skipped();
    return this.buffer.toString('utf8', from, this.offset);
  }

  /** The text of a field that is of type string: other than bytes, these must be UTF-8. */
  strictText(): string {
    const from = this.skipped();
    const text = this.buffer.toString('utf8', from, this.offset);
    if (text.includes(REPLACEMENT) && !isUtf8(this.buffer.subarray(from, this.offset))) throw new MalformedMessageError('a text is not UTF-8');
    return text;
  }

  message(): ProtobufReader {
    const from = this.skipped();
    return new ProtobufReader(this.buffer, from, this.offset);
  }

  /** Goes past the field that `next` gave. */
  skip(depth = 0): void {
    const kind = this.tag & 7;
    if (kind === VARINT) this.number();
    else if (kind === START_GROUP) this.skipGroup(this.tag >>> 3, depth + 1);
    else if (kind === LENGTH_DELIMITED) this.skipped();
    else if (kind === FIXED64) this.advance(8);
    else if (kind === FIXED32) this.advance(4);
    else throw new MalformedMessageError(`a field is of the unknown kind ${kind}`);
  }

  /** A group is how messages were nested once: it goes on to a field that ends it. */
  private skipGroup(field: number, depth: number): void {
    if (depth > MAX_DEPTH) throw new MalformedMessageError(`more than ${MAX_DEPTH} groups are in each other`);
    for (let tag; (tag = this.next()) !== ((field << 3) | END_GROUP); ) {
      if (tag === 0) throw new MalformedMessageError('a group has no end');
      this.skip(depth);
    }
  }

  /** Goes past a length and what it counts; returns where that began. */
  private skipped(): number {
    const length = this.number();
    const from = this.offset;
    this.advance(length);
    return from;
  }

  private byte(): number {
    const { offset } = this;
    this.advance(1);
    return this.buffer[offset] ?? 0;
  }

  private advance(length: number): void {
    if (length > this.end - this.offset) throw new MalformedMessageError('the message is cut off');
    this.offset += length;
  }
}
