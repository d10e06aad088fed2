import type { Collection, Db, Document } from 'mongodb';

/** What a provider allows. An absent limit is not known to exist. */
export interface PermitLimits {
  /** Calls at the same time. */
  readonly concurrency?: number;
  readonly requestsPerSecond?: number;
  readonly bytesPerSecond?: number;
}

interface Held {
  readonly id: string;
  readonly by: string;
  readonly until: Date;
}

interface PermitDocument {
  /** Provider, account and operation. */
  readonly _id: string;
  readonly held: readonly Held[];
  readonly at: Date;
  readonly closedUntil: Date;
  readonly granted: readonly string[];
}

export interface Asked {
  readonly key: string;
  /** The first ones are given first. */
  readonly ids: readonly string[];
  readonly urgent: boolean;
  readonly limits: PermitLimits;
  /** Bytes that these calls move together, as far as is known. */
  readonly sizeBytes: number;
}

export interface Granted {
  readonly ids: readonly string[];
  /** Milliseconds for which nothing is given at all. */
  readonly closedForMs: number;
}

/** Longer than a take-over takes, so that a successor renews what its predecessor held. */
const LEASE_MS = 15_000;
/** A replica that waits asks more often than this; one that does not has no turn. */
const TURN_MS = 1_000;
const CALL_DEADLINE_MS = 5_000;

/** `$$NOW` of MongoDB is the only clock: milliseconds between two of its dates. */
const later = (ms: number) => ({ $add: ['$$NOW', ms] });
const living = (list: string, condition: object) => ({
  $filter: { input: { $ifNull: [`$${list}`, []] }, as: 'one', cond: { $and: [{ $gt: ['$$one.until', '$$NOW'] }, condition] } },
});
/** A bucket that fills at `rate` a second, up to one second's worth and at least one. */
const filled = (name: string, rate: number | undefined) => {
  if (rate === undefined) return null;
  const full = Math.max(1, rate);
  const passed = { $divide: [{ $subtract: ['$$NOW', { $ifNull: ['$at', '$$NOW'] }] }, 1_000] };
  return { $min: [full, { $add: [{ $ifNull: [`$${name}`, full] }, { $multiply: [passed, rate] }] }] };
};

/** Of several places some are kept for urgent calls. */
export const reservedOf = (concurrency: number): number => (concurrency < 2 ? 0 : Math.max(1, Math.floor(concurrency / 4)));

/** The permits of all replicas: one document per provider, account and operation, changed by one update at a time. */
export class PermitStore {
  private readonly permits: Collection<PermitDocument>;

  constructor(
    db: Db,
    /** This process; new at every start. */
    private readonly holder: string,
  ) {
    this.permits = db.collection<PermitDocument>('_permits');
  }

  /** Gives as many of the permits as there are now; replicas that wait longer come first. */
  async ask(asked: Asked): Promise<Granted> {
    const { key } = asked;
    const options = { upsert: true, returnDocument: 'after', maxTimeMS: CALL_DEADLINE_MS } as const;
    const after = await this.permits.findOneAndUpdate({ _id: key }, this.stages(asked), options);
    if (!after) return { ids: [], closedForMs: 0 };
    return { ids: after.granted, closedForMs: Math.max(0, after.closedUntil.getTime() - after.at.getTime()) };
  }

  /** Makes the permits this process's, for one lease time more; also one that was another's, or has ended. */
  async renew(key: string, ids: readonly string[]): Promise<void> {
    const others = living('held', { $not: [{ $in: ['$$one.id', ids] }] });
    const mine = ids.map((id) => ({ id, by: this.holder, until: later(LEASE_MS) }));
    await this.change(key, { held: { $concatArrays: [others, mine] } });
  }

  /** Nothing happens where the permit is another's by now. */
  async release(key: string, id: string): Promise<void> {
    await this.change(key, { held: living('held', { $not: [{ $and: [{ $eq: ['$$one.id', id] }, { $eq: ['$$one.by', this.holder] }] }] }) });
  }

  /** Gives nothing for so long, whoever asks. */
  async close(key: string, ms: number): Promise<void> {
    await this.change(key, { closedUntil: { $max: ['$closedUntil', later(ms)] } });
  }

  private async change(key: string, set: Document): Promise<void> {
    await this.permits.updateOne({ _id: key }, [{ $set: set }], { upsert: true, maxTimeMS: CALL_DEADLINE_MS });
  }

  private stages({ ids, urgent, limits, sizeBytes }: Asked): Document[] {
    const { concurrency, requestsPerSecond, bytesPerSecond } = limits;
    const turn = `${this.holder}/${urgent ? 1 : 0}`;
    const mine = { $eq: ['$$one.by', turn] };
    const count = ids.length;
    const places = concurrency === undefined ? count : { $subtract: [concurrency - (urgent ? 0 : reservedOf(concurrency)), { $size: '$held' }] };
    const calls = requestsPerSecond === undefined ? count : { $floor: '$calls' };
    // The bytes of a call are taken as a debt: the next call waits until it is paid off.
    const bytes = bytesPerSecond === undefined ? count : { $cond: [{ $gt: ['$bytes', 0] }, count, 0] };
    const before = { $or: [{ $gt: ['$$one.urgent', urgent] }, { $and: [{ $eq: ['$$one.urgent', urgent] }, { $lt: ['$$one.since', '$since'] }] }] };
    const ahead = { $size: { $filter: { input: '$turns', as: 'one', cond: before } } };
    const free = { $subtract: [{ $min: [count, places, calls, bytes] }, ahead] };
    const one = { $gt: ['$count', 0] };
    const again = [{ by: turn, urgent, since: { $cond: [one, '$$NOW', '$since'] }, until: later(TURN_MS) }];
    return [
      {
        $set: {
          held: living('held', { $not: [{ $in: ['$$one.id', ids] }] }),
          since: { $ifNull: [{ $first: { $map: { input: living('turns', mine), as: 'one', in: '$$one.since' } } }, '$$NOW'] },
          turns: living('turns', { $not: [mine] }),
          calls: filled('calls', requestsPerSecond),
          bytes: filled('bytes', bytesPerSecond),
          closedUntil: { $ifNull: ['$closedUntil', '$$NOW'] },
          at: '$$NOW',
        },
      },
      { $set: { count: { $cond: [{ $lte: ['$closedUntil', '$$NOW'] }, { $max: [0, free] }, 0] } } },
      { $set: { granted: { $cond: [one, { $slice: [[...ids], { $max: [1, { $toInt: '$count' }] }] }, []] } } },
      {
        $set: {
          held: { $concatArrays: ['$held', { $map: { input: '$granted', as: 'id', in: { id: '$$id', by: this.holder, until: later(LEASE_MS) } } }] },
          turns: { $cond: [{ $lt: ['$count', count] }, { $concatArrays: ['$turns', again] }, '$turns'] },
          ...(requestsPerSecond === undefined ? {} : { calls: { $subtract: ['$calls', { $size: '$granted' }] } }),
          ...(bytesPerSecond === undefined ? {} : { bytes: { $subtract: ['$bytes', { $cond: [one, sizeBytes, 0] }] } }),
        },
      },
      { $unset: ['since', 'count'] },
    ];
  }
}
