import { randomUUID } from 'node:crypto';
import { BACKWARDS, END, jsonEvent, type EventStoreDBClient } from '@eventstore/db-client';
import fc from 'fast-check';
import {
  modelAppend, modelDelete, modelRead, modelRepeat, modelSetMetadata, modelTombstone, newModelStream,
  type Expected, type ModelStream, type Outcome,
} from './specs/model';
import { all, newStream, ROUNDS, SEED, TestServer } from './specs/support';

const RUNS = 25 * ROUNDS;
const STREAMS = 3;

const which = fc.nat(STREAMS - 1);
const words = ['any', 'no_stream', 'current'] as const;
// The client knows no STREAM_EXISTS for deletes.
const expectedByDelete = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...words) }, { weight: 1, arbitrary: fc.nat(8) });
const expected = fc.oneof({ weight: 4, arbitrary: expectedByDelete }, { weight: 1, arbitrary: fc.constant('stream_exists' as const) });
const count = fc.integer({ min: 1, max: 4 });
const optional = fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined });

const operation = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('append' as const), which, expected, count }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('repeat' as const), which, back: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), which, expected: expectedByDelete }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('tombstone' as const), which, expected: expectedByDelete }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('metadata' as const), which, maxCount: optional, truncateBefore: optional }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), which }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

interface Append {
  readonly after: number;
  readonly ids: string[];
}

/** One random history, on the server and on the model. */
class Comparison {
  private readonly prefix = newStream('model');
  private readonly streams: ModelStream[] = Array.from({ length: STREAMS }, newModelStream);
  private readonly appends: Append[][] = this.streams.map(() => []);
  private written: string[] = [];

  constructor(private readonly test: TestServer) {}

  async run(operation: Operation): Promise<void> {
    if (operation.kind === 'restart') return this.test.restart();
    const model = this.streams[operation.which];
    if (!model) throw new Error('no such stream');
    const before = structuredClone(model);
    const [want, got] = await this.both(operation, model);
    expect({ operation, before, outcome: got }).toEqual({ operation, before, outcome: want });
  }

  async compareReads(): Promise<void> {
    for (const [index, model] of this.streams.entries()) {
      const forwards = await outcomeOf(this.ids(this.test.client.readStream(this.name(index))));
      const backwards = await outcomeOf(this.ids(this.test.client.readStream(this.name(index), { direction: BACKWARDS, fromRevision: END })));
      expect({ model, forwards }).toEqual({ model, forwards: modelRead(model) });
      expect(Array.isArray(backwards) ? backwards.toReversed() : backwards).toEqual(forwards);
    }
    const everything = await all(this.test.client.readAll());
    const own = everything.filter(({ event }) => event?.streamId.startsWith(this.prefix) && event.type === 'Modelled');
    expect(own.map(({ event }) => event?.id)).toEqual(this.written);
  }

  private async both(operation: Exclude<Operation, { kind: 'restart' }>, model: ModelStream): Promise<[Outcome, unknown]> {
    const { client } = this.test;
    const name = this.name(operation.which);
    switch (operation.kind) {
      case 'append':
        return this.append(operation, model);
      case 'repeat':
        return this.repeat(operation, model);
      case 'delete': {
        const asked = currentOr(operation.expected, model);
        return [modelDelete(model, asked), await outcomeOf(zero(client.deleteStream(name, { expectedRevision: onWire(asked) })))];
      }
      case 'tombstone': {
        const asked = currentOr(operation.expected, model);
        return [modelTombstone(model, asked), await outcomeOf(zero(client.tombstoneStream(name, { expectedRevision: onWire(asked) })))];
      }
      case 'metadata': {
        const { maxCount, truncateBefore } = operation;
        const metadata = { ...(maxCount !== undefined && { maxCount }), ...(truncateBefore !== undefined && { truncateBefore }) };
        return [modelSetMetadata(model, metadata), await outcomeOf(zero(client.setStreamMetadata(name, metadata)))];
      }
      default: {
        const never: never = operation;
        return never;
      }
    }
  }

  private async append(operation: Extract<Operation, { kind: 'append' }>, model: ModelStream): Promise<[Outcome, unknown]> {
    const ids = Array.from({ length: operation.count }, () => randomUUID());
    const asked = currentOr(operation.expected, model);
    const after = model.ids.length - 1;
    const want = modelAppend(model, ids, asked);
    if (typeof want === 'bigint') {
      this.appends[operation.which]?.push({ after, ids });
      this.written.push(...ids);
    }
    return [want, await outcomeOf(write(this.test.client, this.name(operation.which), ids, asked))];
  }

  /** An append that was already answered comes again, with the revision that it expected then. */
  private async repeat(operation: Extract<Operation, { kind: 'repeat' }>, model: ModelStream): Promise<[Outcome, unknown]> {
    const earlier = this.appends[operation.which]?.at(-1 - operation.back);
    if (!earlier) return [0n, 0n];
    const { after, ids } = earlier;
    const asked = after === -1 ? 'no_stream' : after;
    return [modelRepeat(model, after, ids), await outcomeOf(write(this.test.client, this.name(operation.which), ids, asked))];
  }

  private async ids(events: ReturnType<EventStoreDBClient['readStream']>): Promise<string[]> {
    return (await all(events)).map(({ event }) => event?.id ?? '');
  }

  private name(index: number): string {
    return `${this.prefix}-${index}`;
  }
}

function currentOr<T>(asked: T | 'current', { ids }: ModelStream): T | number | 'no_stream' {
  if (asked !== 'current') return asked;
  return ids.length === 0 ? 'no_stream' : ids.length - 1;
}

const onWire = <T extends Expected>(asked: T): Exclude<T, number> | bigint =>
  typeof asked === 'number' ? BigInt(asked) : (asked as Exclude<T, number>);

const zero = async (work: Promise<unknown>): Promise<bigint> => work.then(() => 0n);

async function write(client: EventStoreDBClient, stream: string, ids: string[], asked: Expected): Promise<bigint> {
  const events = ids.map((id) => jsonEvent({ id, type: 'Modelled', data: {} }));
  return (await client.appendToStream(stream, events, { expectedRevision: onWire(asked) })).nextExpectedRevision;
}

async function outcomeOf<T>(work: Promise<T>): Promise<T | string> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && 'type' in error && typeof error.type === 'string') return error.type;
    throw error;
  }
}

let test: TestServer;
beforeAll(async () => {
  test = await TestServer.start();
});
afterAll(() => test.stop());

it(`agrees with the model in ${RUNS} random histories`, async () => {
  process.stdout.write(`seed ${SEED}\n`);
  const property = fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 30 }), async (operations) => {
    const comparison = new Comparison(test);
    for (const one of operations) await comparison.run(one);
    await comparison.compareReads();
  });
  await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true });
}, 30_000 * ROUNDS);
