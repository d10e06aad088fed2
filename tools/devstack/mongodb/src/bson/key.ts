import { type Binary, type BSONRegExp, type Code, Int32, type ObjectId, type Timestamp } from 'bson';
import { power10 } from './decimal';
import { exact, type Numeric, toDouble } from './numbers';
import { type Doc, type Maybe, TYPE_CLASSES, typeClass, type Value } from './values';

/** Greater than every key: the byte of no type, the right way round or turned around. */
export const AFTER = Buffer.from([0xff]);

/** The least bytes that are greater than all that start with these. */
export function successor(prefix: Buffer): Buffer {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  if (length === 0) return AFTER;
  const bytes = Buffer.from(prefix.subarray(0, length));
  bytes[length - 1] = (bytes[length - 1] ?? 0) + 1;
  return bytes;
}

const INITIAL_SIZE = 65_536;
/** A buffer that grew beyond this is not kept. */
const KEPT_SIZE = 1_048_576;

const END = 0x00;
const SIGN_NAN = 1;
const SIGN_NEGATIVE = 2;
const SIGN_ZERO = 3;
const SIGN_POSITIVE = 4;
/** Moves the decimal exponent of a remainder (about -6176 to 6145) into an unsigned 16 bit number. */
const EXPONENT_BIAS = 0x4000;

/**
 * Encodes values so that comparing the bytes is comparing the values in MongoDB's order, over all types, and equal
 * values of different numeric types have equal bytes. No encoding is a prefix of another.
 */
class KeyWriter {
  private bytes = Buffer.allocUnsafeSlow(INITIAL_SIZE);
  private length = 0;

  /** The key of one value. */
  key(value: Maybe, descending: boolean): Buffer {
    this.length = 0;
    this.value(value);
    if (descending) invert(this.bytes, 0, this.length);
    const key = Buffer.from(this.bytes.subarray(0, this.length));
    if (this.bytes.length > KEPT_SIZE) this.bytes = Buffer.allocUnsafeSlow(INITIAL_SIZE);
    return key;
  }

  private value(value: Maybe): void {
    const type = typeClass(value);
    this.byte(type);
    this.content(type, value);
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

  private reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe((this.length + size) * 2);
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  private content(type: number, value: Maybe): void {
    switch (type) {
      case TYPE_CLASSES.int:
        return this.number(value as Numeric);
      case TYPE_CLASSES.string:
        return this.string(value as string);
      case TYPE_CLASSES.object:
        return this.document(value as Doc);
      case TYPE_CLASSES.array:
        return this.array(value as Value[]);
      case TYPE_CLASSES.objectId:
        return this.raw((value as ObjectId).id);
      case TYPE_CLASSES.bool:
        return this.byte(value === true ? 1 : 0);
      case TYPE_CLASSES.date:
        return this.unsigned(BigInt((value as Date).getTime()) + 2n ** 63n);
      default:
        return this.rareContent(type, value);
    }
  }

  private rareContent(type: number, value: Maybe): void {
    switch (type) {
      case TYPE_CLASSES.binData:
        return this.binary(value as Binary);
      case TYPE_CLASSES.timestamp:
        return this.unsigned((value as Timestamp).toBigInt());
      case TYPE_CLASSES.regex:
        this.string((value as BSONRegExp).pattern);
        return this.string((value as BSONRegExp).options);
      case TYPE_CLASSES.javascript:
        return this.string(String((value as Code).code));
      default:
        return;
    }
  }

  private unsigned(value: bigint): void {
    this.reserve(8);
    this.length = this.bytes.writeBigUInt64BE(BigInt.asUintN(64, value), this.length);
  }

  /** A zero byte inside becomes 00 FF, and 00 00 ends the text. */
  private string(value: string): void {
    this.reserve(value.length * 3 + 2);
    const start = this.length;
    const end = start + this.bytes.write(value, start);
    this.length = end;
    if (value.includes('\0')) {
      const text = Buffer.from(this.bytes.subarray(start, end));
      this.length = start;
      for (const byte of text) {
        this.byte(byte);
        if (byte === 0) this.byte(0xff);
      }
    }
    this.byte(END);
    this.byte(END);
  }

  private document(value: Doc): void {
    for (const [name, item] of value) {
      const type = typeClass(item);
      this.byte(type);
      this.string(name);
      this.content(type, item);
    }
    this.byte(END);
  }

  private array(value: Value[]): void {
    for (const item of value) this.value(item);
    this.byte(END);
  }

  private binary(value: Binary): void {
    this.reserve(4);
    this.length = this.bytes.writeUInt32BE(value.length(), this.length);
    this.byte(value.sub_type);
    this.raw(value.value());
  }

  private number(value: Numeric): void {
    const double = toDouble(value);
    if (Number.isNaN(double)) return this.byte(SIGN_NAN);
    const parsed = typeof value === 'number' || value instanceof Int32 ? undefined : exact(value);
    const negative = parsed && typeof parsed === 'object' ? parsed.coefficient < 0n : double < 0;
    const zero = parsed && typeof parsed === 'object' ? parsed.coefficient === 0n : double === 0;
    if (zero) return this.byte(SIGN_ZERO);
    this.byte(negative ? SIGN_NEGATIVE : SIGN_POSITIVE);
    const start = this.length;
    this.magnitude(Math.abs(double), parsed);
    if (negative) invert(this.bytes, start, this.length);
  }

  /** The largest double that is not above the number, then what is left of the number, in decimal. */
  private magnitude(double: number, parsed: ReturnType<typeof exact> | undefined): void {
    if (!parsed || typeof parsed === 'string') return this.floor(double, undefined);
    const coefficient = parsed.coefficient < 0n ? -parsed.coefficient : parsed.coefficient;
    const floor = floorDouble(double, { coefficient, exponent: parsed.exponent });
    this.floor(floor, subtract({ coefficient, exponent: parsed.exponent }, floor));
  }

  private floor(double: number, rest: ExactNumber | undefined): void {
    this.reserve(9);
    this.length = this.bytes.writeDoubleBE(double, this.length);
    if (!rest || rest.coefficient === 0n) return this.byte(0);
    const digits = rest.coefficient.toString();
    this.byte(1);
    this.reserve(2);
    this.length = this.bytes.writeUInt16BE(digits.length + rest.exponent + EXPONENT_BIAS, this.length);
    this.string(digits.replace(/0+$/, ''));
  }
}

interface ExactNumber {
  coefficient: bigint;
  exponent: number;
}

function subtract(value: ExactNumber, double: number): ExactNumber {
  const other = exact(double);
  if (typeof other === 'string') return { coefficient: 0n, exponent: 0 };
  const exponent = Math.min(value.exponent, other.exponent);
  const left = value.coefficient * power10(value.exponent - exponent);
  return { coefficient: left - other.coefficient * power10(other.exponent - exponent), exponent };
}

function floorDouble(double: number, value: ExactNumber): number {
  const start = Number.isFinite(double) ? double : Number.MAX_VALUE;
  return subtract(value, start).coefficient < 0n ? previousDouble(start) : start;
}

const scratch = Buffer.alloc(8);

/** The next positive double towards zero. */
function previousDouble(value: number): number {
  scratch.writeDoubleBE(value);
  scratch.writeBigUInt64BE(scratch.readBigUInt64BE() - 1n);
  return scratch.readDoubleBE();
}

function invert(bytes: Buffer, start: number, end: number): void {
  for (let index = start; index < end; index++) bytes[index] = 0xff - (bytes[index] ?? 0);
}

const writer = new KeyWriter();

/** The key of one value; `descending` turns the order around. */
export const encodeKey = (value: Maybe, descending = false): Buffer => writer.key(value, descending);

/** The key as a string, for sets and maps of values that are equal in MongoDB's sense. */
export const keyText = (value: Maybe): string => encodeKey(value).toString('latin1');
