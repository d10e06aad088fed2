import { isNumeric, toInteger } from '../bson/numbers';
import { showDocument } from '../bson/show';
import { type Doc, isDoc, type Maybe } from '../bson/values';
import { MongoError, notSupported } from '../errors';
import { combinationKey, eachCombination } from './combinations';
import { fieldPath, splitPath } from './paths';

export interface SortField {
  path: string;
  descending: boolean;
}

const MAX_FIELDS = 32;

export function parseSort(spec: Doc): SortField[] {
  if (spec.size > MAX_FIELDS) throw new MongoError(13103, 'too many compound keys');
  return [...spec].map(([path, direction]) => {
    if (isDoc(direction)) throw notSupported('Sorting by $meta');
    if (!isNumeric(direction)) throw new MongoError(15974, `Illegal key in $sort specification: ${showDocument(new Map([[path, direction]])).slice(2, -2)}`);
    const number = toInteger(direction);
    if (number !== 1 && number !== -1) {
      throw new MongoError(15975, '$sort key ordering must be 1 (for ascending) or -1 (for descending)');
    }
    fieldPath(path);
    return { path, descending: number === -1 };
  });
}

/** Makes the bytes by which a document sorts. Of an array counts the least element, or the greatest if descending. */
export function compileSortKey(fields: SortField[]): (document: Doc) => Buffer {
  const paths = fields.map(({ path }) => splitPath(path));
  const directions = fields.map(({ descending }) => descending);
  return (document) => {
    let best: Buffer | undefined;
    combinations(document, paths, (values) => {
      const key = combinationKey(values, directions);
      if (best === undefined || Buffer.compare(key, best) < 0) best = key;
    });
    return best ?? combinationKey(paths.map(() => null), directions);
  };
}

function combinations(document: Doc, paths: string[][], emit: (values: Maybe[]) => void): void {
  try {
    eachCombination(document, paths, emit);
  } catch (error) {
    if (!(error instanceof MongoError) || error.code !== 171) throw error;
    throw new MongoError(2, 'Executor error during find command :: caused by :: cannot sort with keys that are parallel arrays');
  }
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
      throw new MongoError(292, `Sort exceeded memory limit of ${SORT_BYTES} bytes; the embedded development server has no external sort, with allowDiskUse or without: use an index or a limit`);
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

