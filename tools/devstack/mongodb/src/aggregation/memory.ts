import { Binary } from 'bson';
import { type Doc, isDoc, type Maybe } from '../bson/values';

/** Memory that one stage may hold, in bytes, about; MongoDB's own limit. */
export const MAX_STAGE_BYTES = 100 * 1024 * 1024;
/** What a group, an entry of a table or the like takes besides its values. */
export const OVERHEAD_BYTES = 64;
const VALUE_BYTES = 16;

/** About the bytes of a value. */
export function sizeOf(value: Maybe): number {
  if (typeof value === 'string') return value.length + VALUE_BYTES;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + sizeOf(item), VALUE_BYTES);
  if (value instanceof Binary) return value.length();
  let size = VALUE_BYTES;
  if (isDoc(value)) for (const [name, item] of value) size += name.length + sizeOf(item);
  return size;
}

/** All of the documents. `check` is told after each how many bytes they have, about, and throws when that is too much. */
export function held(documents: Iterable<Doc>, check: (bytes: number) => void): Doc[] {
  const all: Doc[] = [];
  let bytes = 0;
  for (const document of documents) {
    bytes += sizeOf(document);
    check(bytes);
    all.push(document);
  }
  return all;
}
