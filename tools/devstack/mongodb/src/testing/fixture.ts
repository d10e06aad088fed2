import { tempDir } from '@ferry/testing/specs';
import { type Collection, type Db, type Document, MongoClient } from 'mongodb';
import { type RunningMongo, startMongo } from '../server';

/** A document whose `_id` the test chooses. */
export interface AnyDocument extends Document {
  _id: string | number;
}

export interface Fixture {
  server: RunningMongo;
  client: MongoClient;
  db: Db;
  /** A collection of its own with these documents. */
  collection(documents?: Document[]): Promise<Collection<AnyDocument>>;
  stop(): Promise<void>;
}

/** A server on a free port with an empty folder, and the real driver connected to it. */
export async function startFixture(options: { ttlIntervalMs?: number } = {}): Promise<Fixture> {
  const folder = await tempDir('ferry-mongodb-');
  const server = await startMongo({ port: 0, dataDir: folder.path, ...options });
  const client = new MongoClient(server.connectionString, { serverSelectionTimeoutMS: 5000 });
  const db = client.db('test');
  let made = 0;
  return {
    server,
    client,
    db,
    collection: async (documents = []) => {
      made += 1;
      const collection = db.collection<AnyDocument>(`c${made}`);
      if (documents.length > 0) await collection.insertMany(documents as AnyDocument[]);
      return collection;
    },
    stop: async () => {
      await client.close();
      await server.close();
      await folder.remove();
    },
  };
}

/** The MongoDB error that a promise ends in: its code, and what else is looked at. */
export async function failureOf(work: Promise<unknown>): Promise<{ code: unknown; message: string; keyPattern?: unknown; keyValue?: unknown }> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { code, keyPattern, keyValue } = error as Error & { code?: unknown; keyPattern?: unknown; keyValue?: unknown };
    return { code, message: error.message, keyPattern, keyValue };
  }
  throw new Error('the command succeeded');
}
