import { Binary, BSONRegExp, Code, Decimal128, Int32, MaxKey, MinKey, ObjectId, Timestamp } from 'bson';
import { MongoError } from '../errors';
import { endOfName, nameAt } from './names';
import type { Doc, Value } from './values';

const MAX_DEPTH = 200;

/** Documents that came with `_id` twice; of a repeated name the last value counts. */
const repeatingId = new WeakSet<Doc>();

export const repeatsId = (document: Doc): boolean => repeatingId.has(document);

class Reader {
  constructor(
    readonly bytes: Buffer,
    public position: number,
    private readonly maxDepth: number,
  ) {}

  document(depth: number): Doc {
    const end = this.open(depth);
    const result: Doc = new Map();
    for (let type = this.byte(); type !== 0; type = this.byte()) {
      const name = this.cstring();
      if (name === '_id' && result.has(name)) repeatingId.add(result);
      result.set(name, this.value(type, depth));
    }
    if (this.position !== end) throw invalid('a document ends early');
    return result;
  }

  array(depth: number): Value[] {
    const end = this.open(depth);
    const result: Value[] = [];
    for (let type = this.byte(); type !== 0; type = this.byte()) {
      this.position = endOfName(this.bytes, this.position) + 1;
      if (this.position === 0) throw invalid('a name without an end');
      result.push(this.value(type, depth));
    }
    if (this.position !== end) throw invalid('an array ends early');
    return result;
  }

  private open(depth: number): number {
    if (depth > this.maxDepth) throw tooDeep(this.maxDepth);
    const start = this.position;
    const size = this.bytes.readInt32LE(start);
    if (size < 5 || start + size > this.bytes.length) throw invalid(`document size ${size}`);
    this.position += 4;
    return start + size;
  }

  private byte(): number {
    return this.bytes.readUInt8(this.position++);
  }

  private cstring(): string {
    const start = this.position;
    const end = endOfName(this.bytes, start);
    if (end < 0) throw invalid('a name without an end');
    this.position = end + 1;
    return nameAt(this.bytes, start, end);
  }

  private string(): string {
    const size = this.bytes.readInt32LE(this.position);
    const start = this.position + 4;
    if (size < 1 || start + size > this.bytes.length || this.bytes[start + size - 1] !== 0) throw invalid(`string size ${size}`);
    this.position = start + size;
    return this.bytes.toString('utf8', start, start + size - 1);
  }

  private take(size: number): Buffer {
    if (size < 0 || this.position + size > this.bytes.length) throw invalid(`value size ${size}`);
    const copy = Buffer.from(this.bytes.subarray(this.position, this.position + size));
    this.position += size;
    return copy;
  }

  private int64(): bigint {
    this.position += 8;
    return this.bytes.readBigInt64LE(this.position - 8);
  }

  private date(): Date {
    const date = new Date(Number(this.int64()));
    if (Number.isNaN(date.getTime())) throw invalid('a date more than 275,000 years away is not supported');
    return date;
  }

  private binary(): Binary {
    const size = this.bytes.readInt32LE(this.position);
    this.position += 4;
    const subtype = this.byte();
    return new Binary(this.take(size), subtype);
  }

  private value(type: number, depth: number): Value {
    switch (type) {
      case 0x01:
        this.position += 8;
        return this.bytes.readDoubleLE(this.position - 8);
      case 0x02:
        return this.string();
      case 0x03:
        return this.document(depth + 1);
      case 0x04:
        return this.array(depth + 1);
      case 0x07:
        return new ObjectId(this.take(12));
      case 0x08:
        return this.byte() === 1;
      case 0x09:
        return this.date();
      case 0x0a:
        return null;
      case 0x10:
        this.position += 4;
        return new Int32(this.bytes.readInt32LE(this.position - 4));
      case 0x12:
        return this.int64();
      default:
        return this.rareValue(type);
    }
  }

  private rareValue(type: number): Value {
    switch (type) {
      case 0x05:
        return this.binary();
      case 0x0b:
        return new BSONRegExp(this.cstring(), this.cstring());
      case 0x0d:
        return new Code(this.string());
      case 0x11:
        return new Timestamp(BigInt.asUintN(64, this.int64()));
      case 0x13:
        return new Decimal128(this.take(16));
      case 0x7f:
        return new MaxKey();
      case 0xff:
        return new MinKey();
      default:
        throw invalid(`type 0x${type.toString(16)} is deprecated or unknown`);
    }
  }
}

export const tooDeep = (levels: number) => new MongoError(15, `a document may be nested ${levels} levels deep, this one is deeper`);

const invalid = (what: string) => new MongoError(22, `Invalid BSON: ${what}`);

/**
 * Reads the document that starts at `offset`. Throws InvalidBSON (22) for malformed bytes and deprecated types, Overflow (15)
 * for one that is nested deeper than `maxDepth` levels.
 */
export function decodeDocument(bytes: Buffer, offset = 0, maxDepth = MAX_DEPTH): Doc {
  try {
    return new Reader(bytes, offset, maxDepth).document(0);
  } catch (error) {
    if (error instanceof RangeError) throw invalid('a value goes past the end');
    throw error;
  }
}
