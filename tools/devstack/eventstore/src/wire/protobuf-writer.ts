/** How many bytes a number takes as a varint. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Length-delimited: a one-byte tag (all field numbers here are below 16), the length, the bytes. */
export const fieldSize = (length: number): number => 1 + varintSize(length) + length;

/** An entry of a map from text to text. */
export const entrySize = (key: number, value: number): number => fieldSize(key) + fieldSize(value);

const LONG_MAX_VARINT = Buffer.from([...Array<number>(8).fill(0xff), 0x7f]);
export const LONG_MAX_VARINT_SIZE = LONG_MAX_VARINT.length;

/** Writes fields into room that the caller has measured. */
export class ProtobufWriter {
  constructor(
    private readonly buffer: Buffer,
    private offset: number,
  ) {}

  header(field: number, length: number): void {
    this.buffer[this.offset++] = (field << 3) | 2;
    this.varint(length);
  }

  bytes(field: number, value: Uint8Array): void {
    this.header(field, value.length);
    this.buffer.set(value, this.offset);
    this.offset += value.length;
  }

  /** Returns where the text begins. */
  text(field: number, value: string, byteLength: number): number {
    this.header(field, byteLength);
    // Without characters that take more than a byte, the faster way.
    this.buffer.write(value, this.offset, value.length === byteLength ? 'latin1' : 'utf8');
    return this.skip(byteLength);
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

  /** A message without fields. */
  empty(field: number): void {
    this.header(field, 0);
  }

  /** Leaves room; returns where it begins. */
  skip(length: number): number {
    const { offset } = this;
    this.offset += length;
    return offset;
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
