import { Binary, BSONRegExp, Code, Decimal128, Int32, MaxKey, MinKey, ObjectId, Timestamp } from 'bson';
import { MongoError } from '../errors';
import { tooDeep } from './decode';
import { type Doc, isDoc, RawDocument, type Value } from './values';

const INITIAL_SIZE = 65_536;
/** A buffer that grew beyond this is not kept. */
const KEPT_SIZE = 1_048_576;
/** Up to this length a loop is faster than a call into the runtime. */
const SHORT = 32;
const ASCII = 0x80;

class Writer {
  private bytes = Buffer.allocUnsafeSlow(INITIAL_SIZE);
  private length = 0;
  private depth = 0;
  private maxDepth = 0;

  /** The document's bytes after `space` zero bytes. */
  write(value: Doc, space: number, maxDepth: number): Buffer {
    this.length = 0;
    this.depth = 0;
    this.maxDepth = maxDepth;
    this.reserve(space);
    this.bytes.fill(0, 0, space);
    this.length = space;
    this.document(value);
    const result = Buffer.from(this.bytes.subarray(0, this.length));
    if (this.bytes.length > KEPT_SIZE) this.bytes = Buffer.allocUnsafeSlow(INITIAL_SIZE);
    return result;
  }

  private document(value: Doc): void {
    const start = this.open();
    for (const [name, item] of value) this.element(name, item);
    this.close(start);
  }

  private array(value: Value[]): void {
    const start = this.open();
    value.forEach((item, index) => this.element(String(index), item));
    this.close(start);
  }

  private open(): number {
    if (this.depth > this.maxDepth) throw tooDeep(this.maxDepth);
    this.depth += 1;
    const start = this.length;
    this.reserve(4);
    this.length += 4;
    return start;
  }

  private close(start: number): void {
    this.depth -= 1;
    this.byte(0);
    this.bytes.writeInt32LE(this.length - start, start);
  }

  private reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + size));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  private byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  private raw(value: Uint8Array): void {
    this.reserve(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
  }

  private text(value: string): void {
    this.reserve(value.length * 3);
    if (value.length > SHORT || !this.ascii(value)) this.length += this.bytes.write(value, this.length);
  }

  /** Writes the text if it is plain ASCII; answers whether it was. */
  private ascii(value: string): boolean {
    for (let at = 0; at < value.length; at++) {
      const unit = value.charCodeAt(at);
      if (unit >= ASCII) return false;
      this.bytes[this.length + at] = unit;
    }
    this.length += value.length;
    return true;
  }

  private cstring(value: string): void {
    if (value.includes('\0')) throw new MongoError(2, 'A field name or pattern must not contain a null byte');
    this.text(value);
    this.byte(0);
  }

  private string(value: string): void {
    const start = this.open();
    this.text(value);
    this.byte(0);
    this.bytes.writeInt32LE(this.length - start - 4, start);
  }

  private int32(value: number): void {
    this.reserve(4);
    this.length = this.bytes.writeInt32LE(value, this.length);
  }

  private int64(value: bigint): void {
    this.reserve(8);
    this.length = this.bytes.writeBigInt64LE(BigInt.asIntN(64, value), this.length);
  }

  private head(type: number, name: string): void {
    this.byte(type);
    this.cstring(name);
  }

  private element(name: string, value: Value): void {
    switch (typeof value) {
      case 'string':
        this.head(0x02, name);
        return this.string(value);
      case 'number':
        this.head(0x01, name);
        this.reserve(8);
        this.length = this.bytes.writeDoubleLE(value, this.length);
        return;
      case 'bigint':
        this.head(0x12, name);
        return this.int64(value);
      case 'boolean':
        this.head(0x08, name);
        return this.byte(value ? 1 : 0);
      default:
        return this.object(name, value);
    }
  }

  private object(name: string, value: Exclude<Value, string | number | bigint | boolean>): void {
    if (value === null) return this.head(0x0a, name);
    if (isDoc(value)) {
      this.head(0x03, name);
      return this.document(value);
    }
    if (Array.isArray(value)) {
      this.head(0x04, name);
      return this.array(value);
    }
    if (value instanceof RawDocument) {
      this.head(0x03, name);
      return this.raw(value.bytes);
    }
    if (value instanceof Date) {
      this.head(0x09, name);
      return this.int64(BigInt(value.getTime()));
    }
    if (value instanceof Int32) {
      this.head(0x10, name);
      return this.int32(value.value);
    }
    if (value instanceof ObjectId) {
      this.head(0x07, name);
      return this.raw(value.id);
    }
    this.rare(name, value);
  }

  private rare(name: string, value: Binary | BSONRegExp | Code | Decimal128 | MaxKey | MinKey | Timestamp): void {
    if (value instanceof Binary) {
      this.head(0x05, name);
      this.int32(value.length());
      this.byte(value.sub_type);
      this.raw(value.value());
    } else if (value instanceof BSONRegExp) {
      this.head(0x0b, name);
      this.cstring(value.pattern);
      this.cstring(value.options);
    } else if (value instanceof Decimal128) {
      this.head(0x13, name);
      this.raw(value.bytes);
    } else if (value instanceof Timestamp) {
      this.head(0x11, name);
      this.int64(value.toBigInt());
    } else if (value instanceof Code) {
      this.head(0x0d, name);
      this.string(String(value.code));
    } else {
      this.head(value instanceof MaxKey ? 0x7f : 0xff, name);
    }
  }
}

const writer = new Writer();

/** The BSON bytes of a document, after `space` zero bytes that the caller fills. Throws Overflow (15) beyond `maxDepth` levels. */
export const encodeDocument = (value: Doc, space = 0, maxDepth = Infinity): Buffer => writer.write(value, space, maxDepth);
