import { MongoServerError, type Collection, type Db } from 'mongodb';

interface LeaseDocument {
  readonly _id: string;
  readonly holder: string | null;
  readonly epoch: number;
  readonly expiresAt: Date;
}

export interface Lease {
  readonly name: string;
  /** Grows each time the lease changes hands: what an old holder still does can be told apart. */
  readonly epoch: number;
}

const DUPLICATE_KEY = 11_000;
const CALL_DEADLINE_MS = 5_000;

/** Named leases on MongoDB's clock, so that the replicas' own clocks do not matter. */
export class LeaseManager {
  private readonly leases: Collection<LeaseDocument>;

  constructor(
    db: Db,
    /** This process; new at every start. */
    private readonly holder: string,
  ) {
    this.leases = db.collection<LeaseDocument>('_leases');
  }

  /** Takes or renews the lease for `ttlMs`; undefined while another holds it. */
  async acquire(name: string, ttlMs: number): Promise<Lease | undefined> {
    const mine = { $eq: ['$holder', this.holder] };
    const document = await this.update(name, mine, ttlMs);
    if (document !== 'absent') return document;
    await this.create(name);
    const created = await this.update(name, mine, ttlMs);
    return created === 'absent' ? undefined : created;
  }

  /** Gives the lease back; nothing happens where another holds it by now. */
  async release(name: string): Promise<void> {
    await this.leases.updateOne({ _id: name, holder: this.holder }, [{ $set: { holder: null, expiresAt: '$$NOW' } }], { maxTimeMS: CALL_DEADLINE_MS });
  }

  private async update(name: string, mine: object, ttlMs: number): Promise<Lease | undefined | 'absent'> {
    const free = { $lte: ['$expiresAt', '$$NOW'] };
    const updated = await this.leases.findOneAndUpdate(
      { _id: name, $expr: { $or: [mine, free] } },
      [{ $set: { epoch: { $cond: [mine, '$epoch', { $add: ['$epoch', 1] }] }, holder: this.holder, expiresAt: { $add: ['$$NOW', ttlMs] } } }],
      { returnDocument: 'after', maxTimeMS: CALL_DEADLINE_MS },
    );
    if (updated) return { name, epoch: updated.epoch };
    return (await this.leases.countDocuments({ _id: name }, { limit: 1 })) ? undefined : 'absent';
  }

  private async create(name: string): Promise<void> {
    try {
      await this.leases.insertOne({ _id: name, holder: null, epoch: 0, expiresAt: new Date(0) });
    } catch (error) {
      if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) throw error;
    }
  }
}
