import { START_POSITION, type Position } from '@ferry/kernel';
import { MongoServerError, type Collection, type Db } from 'mongodb';

interface CheckpointDocument {
  readonly _id: string;
  readonly position: Position;
}

const DUPLICATE_KEY = 11_000;
export const CHECKPOINTS = '_checkpoints';

/** How far each runner has come. */
export class Checkpoints {
  private readonly collection: Collection<CheckpointDocument>;

  constructor(db: Db) {
    this.collection = db.collection<CheckpointDocument>(CHECKPOINTS);
  }

  async read(name: string): Promise<Position | undefined> {
    return (await this.collection.findOne({ _id: name }))?.position;
  }

  /** The stored position, or a first one at the start. */
  async start(name: string): Promise<Position> {
    const known = await this.read(name);
    if (known !== undefined) return known;
    try {
      await this.collection.insertOne({ _id: name, position: START_POSITION });
    } catch (error) {
      if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) throw error;
    }
    return (await this.read(name)) ?? START_POSITION;
  }

  /** False where the stored position is not `from`: nothing is written. */
  async advance(name: string, from: Position, to: Position): Promise<boolean> {
    const { matchedCount } = await this.collection.updateOne({ _id: name, position: from }, { $set: { position: to } });
    return matchedCount === 1;
  }

  async remove(name: string): Promise<void> {
    await this.collection.deleteOne({ _id: name });
  }
}
