import { MongoClient, type Db, type Document } from 'mongodb';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

const SERVER_WITHIN_MS = 5_000;
const REBUILT_WITHIN_MS = 30_000;
const POLL_MS = 100;

/** Every document of every read model, by collection. */
export type Dump = Readonly<Record<string, readonly Document[]>>;

export interface Rebuild {
  readonly collections: number;
  readonly documents: number;
  readonly equal: boolean;
  readonly milliseconds: number;
  /** Collections that differ. */
  readonly different: readonly string[];
}

/** Drops every read model in MongoDB and waits until the services have made them again from the events. */
export async function dropAndRebuild(mongodbUrl: string): Promise<Rebuild> {
  const client = new MongoClient(mongodbUrl, { serverSelectionTimeoutMS: SERVER_WITHIN_MS });
  try {
    const db = client.db(client.options.dbName === 'test' ? 'ferry' : client.options.dbName);
    const before = await settledDump(db);
    const names = Object.keys(before);
    for (const name of names) await db.dropCollection(name);
    const started = performance.now();
    const different = await untilEqual(db, before);
    const documents = names.reduce((sum, name) => sum + before[name]!.length, 0);
    return { collections: names.length, documents, equal: documents > 0 && !different.length, milliseconds: performance.now() - started, different };
  } finally {
    await client.close();
  }
}

async function untilEqual(db: Db, before: Dump): Promise<string[]> {
  const deadline = performance.now() + REBUILT_WITHIN_MS;
  for (;;) {
    const after = await dump(db);
    const different = Object.keys(before).filter((name) => !isDeepStrictEqual(before[name], after[name]));
    if (!different.length || performance.now() > deadline) return different;
    await pause(POLL_MS);
  }
}

/** The projections may still be on their way: the same twice in a row. */
async function settledDump(db: Db): Promise<Dump> {
  for (let last = await dump(db); ; ) {
    await pause(POLL_MS * 5);
    const next = await dump(db);
    if (isDeepStrictEqual(last, next)) return next;
    last = next;
  }
}

async function dump(db: Db): Promise<Dump> {
  const collections = await db.listCollections({}, { nameOnly: true }).toArray();
  const names = collections.map(({ name }) => name).filter((name) => !name.startsWith('_') && !name.startsWith('system.')).sort();
  const contents = await Promise.all(names.map((name) => db.collection(name).find().sort({ _id: 1 }).toArray()));
  return Object.fromEntries(names.map((name, index) => [name, contents[index]!]));
}
