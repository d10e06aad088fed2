import { Binary, BSONRegExp, Decimal128, Int32, ObjectId, Timestamp } from 'bson';
import { type Doc, isDoc, type Value } from './values';

/** A document as MongoDB's messages write it: `{ a: 1, b: "x" }`. */
export const showDocument = (document: Doc): string =>
  document.size === 0 ? '{}' : `{ ${[...document].map(([name, value]) => `${name}: ${showValue(value)}`).join(', ')} }`;

export function showValue(value: Value): string {
  if (isDoc(value)) return showDocument(value);
  if (Array.isArray(value)) return `[ ${value.map(showValue).join(', ')} ]`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Int32) return String(value.value);
  if (typeof value === 'number') return Number.isInteger(value) ? value.toFixed(1) : String(value);
  if (value instanceof Binary) return `BinData(${value.sub_type}, ${value.toString('hex').toUpperCase()})`;
  if (value instanceof Timestamp) return `Timestamp(${value.getHighBits()}, ${value.getLowBits()})`;
  if (value instanceof BSONRegExp) return `/${value.pattern}/${value.options}`;
  if (value instanceof ObjectId) return `ObjectId('${value.toHexString()}')`;
  if (value instanceof Decimal128) return `Decimal128('${value.toString()}')`;
  if (value instanceof Date) return `new Date(${value.getTime()})`;
  return String(value);
}
