import { MongoServerError, type Collection, type Db } from 'mongodb';

interface Head {
  readonly _id: string;
  readonly version: number;
  readonly position: string;
  readonly chunks: number;
}

interface Chunk {
  readonly _id: string;
  readonly name: string;
  readonly position: string;
  readonly entries: readonly object[];
}

export interface Snapshot {
  /** Of the last event that is in it; a later one compares as greater. */
  readonly position: string;
  /** JSON. */
  readonly entries: readonly object[];
}

const CHUNK = 2_000;
const DUPLICATE_KEY = 11_000;
const CALL_DEADLINE_MS = 10_000;

/** States folded from the log, kept so that the next process need not read all of it. Losing one loses nothing but time. */
export class Snapshots {
  private readonly heads: Collection<Head>;
  private readonly chunks: Collection<Chunk>;

  /** @param version of the form of the entries: another version's are not read */
  constructor(
    db: Db,
    private readonly version: number,
  ) {
    this.heads = db.collection<Head>('_snapshots');
    this.chunks = db.collection<Chunk>('_snapshot_chunks');
  }

  /** Undefined where there is none, or one of another version, or not the whole of it. */
  async load(name: string): Promise<Snapshot | undefined> {
    const head = await this.heads.findOne({ _id: name, version: this.version }, { maxTimeMS: CALL_DEADLINE_MS });
    if (!head) return undefined;
    const ids = Array.from({ length: head.chunks }, (_, index) => idOf(name, head.position, index));
    const entries: object[] = [];
    for (const _id of ids) {
      const chunk = await this.chunks.findOne({ _id }, { maxTimeMS: CALL_DEADLINE_MS });
      if (!chunk) return undefined;
      entries.push(...chunk.entries);
    }
    return { position: head.position, entries };
  }

  /** False where one of a later position is there already. */
  async save(name: string, { position, entries }: Snapshot): Promise<boolean> {
    const chunks = Math.ceil(entries.length / CHUNK);
    for (let index = 0; index < chunks; index += 1) {
      const part = { name, position, entries: entries.slice(index * CHUNK, (index + 1) * CHUNK) };
      await this.chunks.replaceOne({ _id: idOf(name, position, index) }, part, { upsert: true });
    }
    const saved = await this.point(name, position, chunks);
    // Only what is older than this one: another writer may be at a later one.
    await this.chunks.deleteMany({ name, position: saved ? { $lt: position } : position }, { maxTimeMS: CALL_DEADLINE_MS });
    return saved;
  }

  private async point(name: string, position: string, chunks: number): Promise<boolean> {
    const { version } = this;
    const older = { _id: name, $or: [{ position: { $lt: position } }, { version: { $ne: version } }] };
    try {
      await this.heads.updateOne(older, { $set: { version, position, chunks } }, { upsert: true, maxTimeMS: CALL_DEADLINE_MS });
      return true;
    } catch (error) {
      if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false;
      throw error;
    }
  }
}

const idOf = (name: string, position: string, index: number): string => `${name}/${position}/${index}`;
