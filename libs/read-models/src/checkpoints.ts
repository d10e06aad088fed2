import { START_POSITION, type Position } from '@ferry/kernel';
import { MongoServerError, type Collection, type Db } from 'mongodb';
import { randomUUID } from 'node:crypto';

export interface Checkpoint {
  readonly _id: string;
  readonly position: Position;
  /** New each time that everything is handled from the start: two builds may stand at the same position. */
  readonly build: string;
}

const DUPLICATE_KEY = 11_000;
export const CHECKPOINTS = '_checkpoints';

/** How far each runner has come. */
export class Checkpoints {
  private readonly collection: Collection<Checkpoint>;

  constructor(db: Db) {
    this.collection = db.collection<Checkpoint>(CHECKPOINTS);
  }

  async find(name: string): Promise<Checkpoint | undefined> {
    return (await this.collection.findOne({ _id: name })) ?? undefined;
  }

  /** The stored checkpoint, or a first one at the start. */
  async start(name: string): Promise<Checkpoint> {
    const known = await this.find(name);
    if (known) return known;
    const first = { _id: name, position: START_POSITION, build: randomUUID() };
    try {
      await this.collection.insertOne({ ...first });
    } catch (error) {
      if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) throw error;
    }
    return (await this.find(name)) ?? first;
  }

  /** False where the stored checkpoint is not `from`: nothing is written. */
  async advance({ _id, position, build }: Checkpoint, to: Position): Promise<boolean> {
    const { matchedCount } = await this.collection.updateOne({ _id, position, build }, { $set: { position: to } });
    return matchedCount === 1;
  }

  /** What it was is returned. */
  async remove(name: string): Promise<Checkpoint | undefined> {
    return (await this.collection.findOneAndDelete({ _id: name })) ?? undefined;
  }
}
