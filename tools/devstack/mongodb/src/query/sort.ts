import { encodeKey } from '../bson/key';
import { toInteger } from '../bson/numbers';
import { type Doc, isDoc } from '../bson/values';
import { MongoError, notSupported } from '../errors';
import { splitPath, visitPath } from './paths';

export interface SortField {
  path: string;
  descending: boolean;
}

export function parseSort(spec: Doc): SortField[] {
  return [...spec].map(([path, direction]) => {
    if (isDoc(direction)) throw notSupported('Sorting by $meta');
    const number = toInteger(direction);
    if (number !== 1 && number !== -1) {
      throw new MongoError(15975, '$sort key ordering must be 1 (for ascending) or -1 (for descending)');
    }
    return { path, descending: number === -1 };
  });
}

/** Makes the bytes by which a document sorts. Of an array counts the least element, or the greatest if descending. */
export function compileSortKey(fields: SortField[]): (document: Doc) => Buffer {
  const parts = fields.map(({ path, descending }) => ({ path: splitPath(path), descending }));
  return (document) => Buffer.concat(parts.map(({ path, descending }) => fieldKey(document, path, descending)));
}

function fieldKey(document: Doc, path: string[], descending: boolean): Buffer {
  let best: Buffer | undefined;
  const consider = (key: Buffer): void => {
    if (best === undefined || Buffer.compare(key, best) < 0) best = key;
  };
  visitPath(document, path, (value) => {
    if (!Array.isArray(value)) consider(encodeKey(value ?? null, descending));
    else if (value.length === 0) consider(encodeKey(undefined, descending));
    else for (const item of value) consider(encodeKey(item, descending));
    return false;
  });
  return best ?? encodeKey(null, descending);
}

/** Memory that a sort may hold, in bytes of documents; MongoDB's own limit. */
const SORT_BYTES = 100 * 1024 * 1024;
const SLACK = 1000;

interface Entry<T> {
  key: Buffer;
  item: T;
  bytes: number;
}

/** Collects items and gives back the first `limit` in order. Equal keys keep their order. */
export class Sorter<T> {
  private entries: Entry<T>[] = [];
  private bytes = 0;

  constructor(private readonly limit = Infinity) {}

  add(key: Buffer, item: T, bytes: number): void {
    this.entries.push({ key, item, bytes });
    this.bytes += bytes + key.length;
    if (this.entries.length > this.limit * 2 + SLACK) this.cut();
    if (this.bytes > SORT_BYTES) this.cut();
    if (this.bytes > SORT_BYTES) {
      throw new MongoError(292, `Sort exceeded memory limit of ${SORT_BYTES} bytes; use an index or a limit`);
    }
  }

  sorted(): T[] {
    this.cut();
    return this.entries.map(({ item }) => item);
  }

  private cut(): void {
    this.entries.sort((a, b) => Buffer.compare(a.key, b.key));
    if (this.entries.length > this.limit) this.entries.length = this.limit;
    this.bytes = this.entries.reduce((sum, { key, bytes }) => sum + bytes + key.length, 0);
  }
}

