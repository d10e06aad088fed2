import type { Binary, BSONRegExp, Code, ObjectId, Timestamp } from 'bson';
import { compareNumbers, type Numeric } from './numbers';
import { type Doc, type Maybe, TYPE_CLASSES, typeClass, type Value } from './values';

/** MongoDB's order over all values: by type class, then by value. A missing field comes before null. */
export function compare(a: Maybe, b: Maybe): number {
  const type = typeClass(a);
  return type - typeClass(b) || compareSameClass(type, a, b);
}

export const equal = (a: Maybe, b: Maybe): boolean => a === b || compare(a, b) === 0;

function compareSameClass(type: number, a: Maybe, b: Maybe): number {
  switch (type) {
    case TYPE_CLASSES.int:
      return compareNumbers(a as Numeric, b as Numeric);
    case TYPE_CLASSES.string:
      return compareStrings(a as string, b as string);
    case TYPE_CLASSES.object:
      return compareDocuments(a as Doc, b as Doc);
    case TYPE_CLASSES.array:
      return compareArrays(a as Value[], b as Value[]);
    case TYPE_CLASSES.binData:
      return compareBinaries(a as Binary, b as Binary);
    case TYPE_CLASSES.objectId:
      return Buffer.compare((a as ObjectId).id, (b as ObjectId).id);
    case TYPE_CLASSES.bool:
      return Number(a) - Number(b);
    case TYPE_CLASSES.date:
      return (a as Date).getTime() - (b as Date).getTime();
    case TYPE_CLASSES.timestamp:
      return (a as Timestamp).compare(b as Timestamp);
    case TYPE_CLASSES.regex:
      return compareExpressions(a as BSONRegExp, b as BSONRegExp);
    case TYPE_CLASSES.javascript:
      return compareStrings(String((a as Code).code), String((b as Code).code));
    default:
      return 0;
  }
}

const SURROGATES = 0xd800;
const AFTER_SURROGATES = 0xe000;

/** The order of the UTF-8 bytes; UTF-16 puts U+E000 to U+FFFF after the astral planes. */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const x = a.charCodeAt(index);
    const y = b.charCodeAt(index);
    if (x !== y) return utf8Rank(x) - utf8Rank(y);
  }
  return a.length - b.length;
}

const utf8Rank = (unit: number): number => (unit >= SURROGATES && unit < AFTER_SURROGATES ? unit + 0x10000 : unit);

function compareDocuments(a: Doc, b: Doc): number {
  const others = b.entries();
  for (const [name, value] of a) {
    const next = others.next();
    if (next.done) return 1;
    const [otherName, other] = next.value;
    const type = typeClass(value);
    const order = type - typeClass(other) || compareStrings(name, otherName) || compareSameClass(type, value, other);
    if (order !== 0) return order;
  }
  return a.size - b.size;
}

function compareArrays(a: Value[], b: Value[]): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const order = compare(a[index], b[index]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

const compareBinaries = (a: Binary, b: Binary): number =>
  a.length() - b.length() || a.sub_type - b.sub_type || Buffer.compare(a.value(), b.value());

const compareExpressions = (a: BSONRegExp, b: BSONRegExp): number =>
  compareStrings(a.pattern, b.pattern) || compareStrings(a.options, b.options);
