import { FerryError, type RecordedEvent } from '@ferry/kernel';
import type { HealthState, Logger } from '@ferry/observability';
import { MongoClient, MongoServerError, type Collection, type Db, type OptionalUnlessRequiredId } from 'mongodb';
import { Checkpoints } from './checkpoints';
import { endWritesWithTheirConnection } from './driver-guard';
import type { Projection, Stored } from './projection';
import { Runner, UNKNOWN_EVENT, type EventSource, type LeaseHolder, type RunnerOptions } from './runner';

endWritesWithTheirConnection();

const DUPLICATE_KEY = 11_000;
const NAMESPACE_NOT_FOUND = 26;
const NAMESPACE_EXISTS = 48;
/** Writers of one document at the same time are two runners whose lease changed hands: one of them soon stops. */
const WRITES = 5;
/** Documents of one event that are written at the same time. */
const WRITES_AT_ONCE = 16;
/** The index that says that a collection was prepared. */
const PREPARED = { key: { _position: 1 as const }, name: 'prepared' };

export interface ReadModelsOptions {
  /** With the database in its path; default `ferry`. */
  readonly url: string;
  readonly logger: Logger;
}

/** MongoDB as Ferry uses it: read models that can be dropped and rebuilt from the events at any time. */
export class ReadModels {
  readonly db: Db;
  private readonly checkpoints: Checkpoints;
  private readonly runners = new Map<string, Runner>();
  private reachable: HealthState = true;

  private constructor(
    private readonly client: MongoClient,
    private readonly logger: Logger,
  ) {
    this.db = client.db(client.options.dbName === 'test' ? 'ferry' : client.options.dbName);
    this.checkpoints = new Checkpoints(this.db);
    client.on('serverHeartbeatFailed', () => {
      this.reachable = 'MongoDB is not reachable; trying again';
    });
    client.on('serverHeartbeatSucceeded', () => {
      this.reachable = true;
    });
  }

  /** Does not wait for the server: operations do, for at most 5 s. */
  static connect({ url, logger }: ReadModelsOptions): ReadModels {
    const client = new MongoClient(url, {
      serverSelectionTimeoutMS: 5_000,
      connectTimeoutMS: 5_000,
      socketTimeoutMS: 20_000,
      heartbeatFrequencyMS: 2_000,
      maxPoolSize: 20,
      waitQueueTimeoutMS: 5_000,
      retryWrites: true,
    });
    return new ReadModels(client, logger);
  }

  collection<Doc extends object>(projection: Projection<Doc>): Collection<Doc & Stored> {
    return this.db.collection<Doc & Stored>(projection.collection);
  }

  /**
   * Keeps the projection's collection at the events' side.
   * @param onEvent where an event needs more than its own effect: what it passes to `apply` is applied
   */
  project<Doc extends object>(
    projection: Projection<Doc>,
    source: EventSource,
    lease: LeaseHolder,
    onEvent: (event: RecordedEvent, apply: (event: RecordedEvent) => Promise<void>) => Promise<void> = (event, apply) => apply(event),
  ): Runner {
    const { collection: name, indexes, categories, eventTypes } = projection;
    return this.follow(
      {
        name,
        prefixes: categories,
        prepare: () => this.createCollection(name, indexes),
        intact: () => this.isIntact(name),
        reset: () => this.dropCollection(name),
        onEvent: async (event, mustHold) => {
          if (!eventTypes.has(event.type)) throw unknownEvent(name, event.type);
          await onEvent(event, (applied) => this.apply(projection, applied, mustHold));
        },
      },
      source,
      lease,
    );
  }

  /** Follows events with a checkpoint and a lease, for a reaction. */
  follow(options: RunnerOptions, source: EventSource, lease: LeaseHolder): Runner {
    const runner = new Runner(options, source, this.checkpoints, lease, this.logger);
    this.runners.set(options.name, runner);
    return runner;
  }

  ready(): HealthState {
    if (this.reachable !== true) return this.reachable;
    for (const [name, runner] of this.runners) {
      const state = runner.ready();
      if (state !== true) return `${name}: ${state}`;
    }
    return true;
  }

  async close(): Promise<void> {
    await Promise.all([...this.runners.values()].map((runner) => runner.close()));
    await this.client.close();
  }

  private async createCollection(name: string, indexes: Projection<object>['indexes']): Promise<void> {
    try {
      await this.db.createCollection(name);
    } catch (error) {
      if (!(error instanceof MongoServerError) || error.code !== NAMESPACE_EXISTS) throw error;
    }
    await this.db.collection(name).createIndexes([...indexes, PREPARED]);
  }

  private async dropCollection(name: string): Promise<void> {
    try {
      await this.db.dropCollection(name);
    } catch (error) {
      if (!(error instanceof MongoServerError) || error.code !== NAMESPACE_NOT_FOUND) throw error;
    }
  }

  /** A collection that vanished comes back with the next write, but without what was prepared. */
  private async isIntact(name: string): Promise<boolean> {
    const found = await this.db.listCollections({ name }, { nameOnly: true }).toArray();
    return found.length === 1 && (await this.db.collection(name).indexExists(PREPARED.name));
  }

  private async apply<Doc extends object>(projection: Projection<Doc>, event: RecordedEvent, mustHold: () => void): Promise<void> {
    const ids = projection.ids(event);
    for (let from = 0; from < ids.length; from += WRITES_AT_ONCE) {
      await Promise.all(ids.slice(from, from + WRITES_AT_ONCE).map((id) => this.applyTo(id, projection, event, mustHold)));
    }
  }

  /**
   * The lease is looked at between the reading and the writing: a runner that was frozen for longer, and would put a late
   * event on a document that its successor has not finished, stops here; where the document changed, the write is refused.
   */
  private async applyTo<Doc extends object>(id: string, projection: Projection<Doc>, event: RecordedEvent, mustHold: () => void): Promise<void> {
    const collection = this.db.collection<Stored>(projection.collection);
    for (let attempt = 1; attempt <= WRITES; attempt += 1) {
      const found = await collection.findOne({ _id: id });
      mustHold();
      if (found && found._position >= event.position) return;
      const next = projection.evolve(found ? withoutBookkeeping<Doc>(found) : undefined, event);
      if (next === undefined) return;
      if (await write(collection, found?._position, { ...next, _id: id, _position: event.position })) return;
    }
    throw new FerryError('CONTENTION', 'conflict', `Another writer keeps changing ${projection.collection}.`);
  }
}

const unknownEvent = (collection: string, type: string): FerryError =>
  new FerryError(UNKNOWN_EVENT, 'unavailable', `This version does not know the event ${type}; ${collection} waits for a newer one.`, { type });

const withoutBookkeeping = <Doc>({ _id, _position, ...document }: Stored): Doc => document as Doc;

/** False where another wrote the document meanwhile. */
const write = async (collection: Collection<Stored>, before: string | undefined, document: Stored): Promise<boolean> => {
  if (before !== undefined) return (await collection.replaceOne({ _id: document._id, _position: before }, document)).matchedCount === 1;
  try {
    await collection.insertOne(document as OptionalUnlessRequiredId<Stored>);
    return true;
  } catch (error) {
    if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false;
    throw error;
  }
};
