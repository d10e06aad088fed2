import { FerryError, type RecordedEvent } from '@ferry/kernel';
import type { HealthState, Logger } from '@ferry/observability';
import { MongoClient, MongoServerError, type Collection, type Db, type OptionalUnlessRequiredId } from 'mongodb';
import { Checkpoints } from './checkpoints';
import type { Projection, Stored } from './projection';
import { Runner, type EventSource, type LeaseHolder, type RunnerOptions } from './runner';

const DUPLICATE_KEY = 11_000;
const NAMESPACE_EXISTS = 48;
/** Writers of one document at the same time are two runners whose lease changed hands: one of them soon stops. */
const WRITES = 5;

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

  /** Keeps the projection's collection at the events' side. */
  project<Doc extends object>(projection: Projection<Doc>, source: EventSource, lease: LeaseHolder): Runner {
    const { collection: name, indexes, categories } = projection;
    return this.follow(
      {
        name,
        prefixes: categories,
        prepare: () => this.createCollection(name, indexes),
        intact: async () => (await this.db.listCollections({ name }, { nameOnly: true }).toArray()).length === 1,
        onEvent: (event) => this.apply(projection, event),
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
    if (indexes.length) await this.db.collection(name).createIndexes([...indexes]);
  }

  private async apply<Doc extends object>(projection: Projection<Doc>, event: RecordedEvent): Promise<void> {
    const id = projection.id(event);
    if (id === undefined) return;
    const collection = this.db.collection<Stored>(projection.collection);
    for (let attempt = 1; attempt <= WRITES; attempt += 1) {
      const found = await collection.findOne({ _id: id });
      if (found && found._position >= event.position) return;
      const next = projection.evolve(found ? withoutBookkeeping<Doc>(found) : undefined, event);
      if (next === undefined) return;
      if (await write(collection, found?._position, { ...next, _id: id, _position: event.position })) return;
    }
    throw new FerryError('CONTENTION', 'conflict', `Another writer keeps changing ${projection.collection}.`);
  }
}

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
