import { decodeDocument } from '../bson/decode';
import { encodeKey, successor } from '../bson/key';
import { TYPE_CLASSES } from '../bson/values';
import type { Collection } from './collection';
import type { IndexTable } from './index-table';
import type { Store } from './store';

/** Documents removed in one transaction. */
const BATCH = 1000;

/** Removes the documents whose time in a TTL index is over; answers how many. Values that are no dates never expire. */
export function removeExpired(store: Store, now: Date): number {
  let removed = 0;
  for (const collection of store.list()) {
    for (const index of collection.indexes) {
      const seconds = index.spec.expireAfterSeconds;
      if (seconds !== undefined) removed += removeFrom(store, collection, index, new Date(now.getTime() - seconds * 1000));
    }
  }
  return removed;
}

function removeFrom(store: Store, collection: Collection, index: IndexTable, until: Date): number {
  const removed = store.transaction(() => {
    const expired = [...new Map(take(expiredEntries(index, until), BATCH))];
    for (const [rowid, bytes] of expired) collection.remove(rowid, decodeDocument(bytes));
    return expired.length;
  });
  return removed < BATCH ? removed : removed + removeFrom(store, collection, index, until);
}

/** Of an array counts the earliest date, which comes first in the index. */
function* expiredEntries(index: IndexTable, until: Date): Generator<[number, Buffer]> {
  const descending = index.spec.fields[0]?.descending ?? false;
  const type = descending ? 0xff - TYPE_CLASSES.date : TYPE_CLASSES.date;
  const edge = encodeKey(until, descending);
  const range = descending
    ? { from: edge, to: Buffer.from([type + 1]) }
    : { from: Buffer.from([type]), to: successor(edge) };
  for (const { rowid, bytes } of index.scan(range, false)) yield [rowid, bytes];
}

function* take<T>(items: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const item of items) {
    if (left === 0) return;
    left -= 1;
    yield item;
  }
}
