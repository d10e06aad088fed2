import {
  type Binary,
  type BSONRegExp,
  type Code,
  type Decimal128,
  Int32,
  type MaxKey,
  type MinKey,
  type ObjectId,
  type Timestamp,
} from 'bson';

/** A document. A Map, because a plain object would move keys that look like integers to the front. */
export type Doc = Map<string, Value>;

/** A document that is sent on as the bytes it was stored in. */
export class RawDocument {
  constructor(readonly bytes: Buffer) {}
}

/** A BSON value; `number` is a double and `bigint` an int64, so the numeric types stay apart. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Date
  | Int32
  | Decimal128
  | ObjectId
  | Binary
  | BSONRegExp
  | Timestamp
  | MinKey
  | MaxKey
  | Code
  | Doc
  | RawDocument
  | Value[];

/** `undefined` means that the field is missing, which is not null. */
export type Maybe = Value | undefined;

export type TypeName =
  | 'missing'
  | 'minKey'
  | 'null'
  | 'int'
  | 'long'
  | 'double'
  | 'decimal'
  | 'string'
  | 'object'
  | 'array'
  | 'binData'
  | 'objectId'
  | 'bool'
  | 'date'
  | 'timestamp'
  | 'regex'
  | 'javascript'
  | 'maxKey';

/** BSON type numbers, as `$type` takes them. */
export const TYPE_NUMBERS: Record<Exclude<TypeName, 'missing'>, number> = {
  double: 1,
  string: 2,
  object: 3,
  array: 4,
  binData: 5,
  objectId: 7,
  bool: 8,
  date: 9,
  null: 10,
  regex: 11,
  javascript: 13,
  int: 16,
  timestamp: 17,
  long: 18,
  decimal: 19,
  minKey: -1,
  maxKey: 127,
};

/** Order of the type classes; also the first byte of an encoded key. Numbers share one class. */
export const TYPE_CLASSES: Record<TypeName, number> = {
  minKey: 0x05,
  missing: 0x0a,
  null: 0x14,
  int: 0x1e,
  long: 0x1e,
  double: 0x1e,
  decimal: 0x1e,
  string: 0x28,
  object: 0x32,
  array: 0x3c,
  binData: 0x46,
  objectId: 0x50,
  bool: 0x5a,
  date: 0x64,
  timestamp: 0x6e,
  regex: 0x78,
  javascript: 0x82,
  maxKey: 0xf0,
};

const CLASS_NAMES: Record<string, TypeName> = {
  Int32: 'int',
  Decimal128: 'decimal',
  ObjectId: 'objectId',
  Binary: 'binData',
  BSONRegExp: 'regex',
  Timestamp: 'timestamp',
  MinKey: 'minKey',
  MaxKey: 'maxKey',
  Code: 'javascript',
};

export function typeName(value: Maybe): TypeName {
  switch (typeof value) {
    case 'undefined':
      return 'missing';
    case 'number':
      return 'double';
    case 'bigint':
      return 'long';
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    default:
      return objectTypeName(value);
  }
}

function objectTypeName(value: Exclude<Value, boolean | number | bigint | string>): TypeName {
  if (value === null) return 'null';
  if (value instanceof Map) return 'object';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Date) return 'date';
  if (value instanceof RawDocument) return 'object';
  return CLASS_NAMES[value._bsontype] ?? 'missing';
}

export const typeClass = (value: Maybe): number => TYPE_CLASSES[typeName(value)];

export const isDoc = (value: Maybe): value is Doc => value instanceof Map;

const REFERENCE = new Set(['$ref', '$id', '$db']);

/** Whether a document begins with an operator; the fields of a DBRef are none. */
export function isOperatorDoc(value: Maybe): boolean {
  const first = isDoc(value) ? value.keys().next().value : undefined;
  return first !== undefined && first.startsWith('$') && !REFERENCE.has(first);
}

/** A document written as an object literal; only for keys that do not look like integers. */
export const doc = (fields: Record<string, Maybe>): Doc => {
  const result: Doc = new Map();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) result.set(name, value);
  return result;
};

export const int = (value: number): Int32 => new Int32(value);

const INT32_LIMIT = 2 ** 31;

/** The smallest integer type that holds a count. */
export const integer = (value: number): Int32 | bigint =>
  value >= -INT32_LIMIT && value < INT32_LIMIT ? new Int32(value) : BigInt(value);

/** A deep copy of documents and arrays; other values are never changed in place. */
export function clone<T extends Value>(value: T): T;
export function clone(value: Value): Value {
  if (Array.isArray(value)) return value.map((item) => clone(item));
  if (!isDoc(value)) return value;
  const copy: Doc = new Map();
  for (const [name, item] of value) copy.set(name, clone(item));
  return copy;
}
