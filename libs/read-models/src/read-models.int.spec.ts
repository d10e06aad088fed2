import { LeaseManager } from '@ferry/coordination';
import { EventStore, metadataFor } from '@ferry/event-store';
import { idInStream, type Command, type DomainEvent, type RecordedEvent, type StreamDefinition, type Token } from '@ferry/kernel';
import { createLogger } from '@ferry/observability';
import { eventStoreServer, mongoServer, type TestServer } from '@ferry/testing/servers';
import { eventually, tempDir, type TempDir } from '@ferry/testing/specs';
import { randomUUID } from 'node:crypto';
import { CHECKPOINTS, defineProjection, ReadModels, type Projection, type Runner } from './index';

type BoxEvent = DomainEvent<'Filled', { readonly with: string }> | DomainEvent<'Emptied', object> | DomainEvent<'Moved', object>;
interface Box {
  readonly contents: readonly string[];
  readonly fillings: number;
}

let folder: TempDir;
let events: TestServer;
let mongo: TestServer;
let store: EventStore;
let models: ReadModels;
let category: string;
let opened: ReadModels[] = [];
const logger = createLogger('read-models-spec');

beforeAll(async () => {
  folder = await tempDir('ferry-read-models-');
  events = await eventStoreServer(`${folder.path}/events`);
  mongo = await mongoServer(`${folder.path}/documents`);
  store = EventStore.connect({ url: events.url, logger });
});

/** Every test has its own streams and its own database. */
let database: string;
beforeEach(() => {
  category = `box${randomUUID().replaceAll('-', '')}-`;
  database = `db${randomUUID()}`;
  opened = [];
  models = open();
});

afterEach(async () => {
  await Promise.all(opened.map((each) => each.close()));
});

afterAll(async () => {
  await store?.close();
  await events?.stop();
  await mongo?.stop();
  await folder?.remove();
});

const open = (): ReadModels => {
  const url = new URL(mongo.url);
  url.pathname = `/${database}`;
  const connected = ReadModels.connect({ url: url.href, logger });
  opened.push(connected);
  return connected;
};

const boxes = (version = 1): Projection<Box> =>
  defineProjection<BoxEvent, Box>()({
    name: 'all-boxes',
    version,
    categories: [category],
    indexes: [{ key: { fillings: 1 } }],
    id: ({ streamName }) => idInStream(category, streamName),
    on: {
      Filled: (box, { data }) => ({ contents: [...(box?.contents ?? []), data.with], fillings: (box?.fillings ?? 0) + 1 }),
      Emptied: (box) => box && { ...box, contents: [] },
    },
    ignores: ['Moved'],
  });

const append = async (box: string, ...written: (BoxEvent | DomainEvent)[]): Promise<Token> => {
  const stream = `${category}${box}`;
  const eventTypes = ['Filled', 'Emptied', 'Moved'];
  const definition: StreamDefinition<null, Command, DomainEvent> = { category, eventTypes, decider: { initialState: () => null, evolve: () => null, decide: () => [...written] } };
  const metadata = metadataFor({ owner: 'ann', actor: 'service:spec', commandId: randomUUID() });
  return (await store.handle({ definition, stream, command: { type: 'Append', data: {}, metadata: { now: '' } }, metadata })).token;
};
const filled = (what: string): BoxEvent => ({ type: 'Filled', data: { with: what } });
const project = (projection = boxes(), by = models, holder: string = randomUUID()): Runner => by.project(projection, store, new LeaseManager(by.db, holder));
const found = (box: string, by = models) => by.collection(boxes()).findOne({ _id: box });
const VISIBLE_MS = 8_000;

describe('a projection', () => {
  it('must handle or ignore every event type, or it does not compile', () => {
    // @ts-expect-error Emptied and Moved are neither handled nor ignored
    defineProjection<BoxEvent, Box>()({ name: 'x', version: 1, categories: [], id: () => 'x', on: { Filled: () => undefined }, ignores: [] });
    // @ts-expect-error there is no such event
    defineProjection<BoxEvent, Box>()({ name: 'x', version: 1, categories: [], id: () => 'x', on: {}, ignores: ['Filled', 'Emptied', 'Moved', 'Burnt'] });
    expect(boxes(2).collection).toBe('all_boxes_v2');
    expect([...boxes().eventTypes].sort()).toEqual(['Emptied', 'Filled', 'Moved']);
  });

  it('brings the documents to the events’ side, each with the position of its last event', async () => {
    const runner = project();
    await append('a', filled('x'), filled('y'));
    const last = await append('a', { type: 'Emptied', data: {} }, filled('z'));
    const other = await append('b', filled('q'), { type: 'Moved', data: {} });
    await runner.waitFor(other.position, VISIBLE_MS);
    expect(await found('a')).toEqual({ _id: 'a', _position: last.position, contents: ['z'], fillings: 3 });
    expect((await found('b'))!.contents).toEqual(['q']);
    expect(await models.collection(boxes()).indexExists('fillings_1')).toBe(true);
    expect(models.ready()).toBe(true);
  });

  it('waits for what is not yet visible, and says so when that takes too long', async () => {
    const runner = project();
    await expect(runner.waitFor('9'.repeat(20), 20)).rejects.toMatchObject({ code: 'NOT_YET_VISIBLE', category: 'unavailable' });
  });

  it('goes on from its checkpoint', async () => {
    const first = project();
    const { position } = await append('a', filled('x'));
    await first.waitFor(position, VISIBLE_MS);
    await models.close();
    const next = open();
    const applied: string[] = [];
    const projection = boxes();
    const counting: Projection<Box> = { ...projection, evolve: (box, event) => (applied.push(event.type), projection.evolve(box, event)) };
    const runner = project(counting, next);
    const last = await append('a', filled('y'));
    await runner.waitFor(last.position, VISIBLE_MS);
    expect(applied).toEqual(['Filled']);
    expect((await found('a', next))!.contents).toEqual(['x', 'y']);
  });

  it('changes a document once, though an event comes again', async () => {
    const runner = project();
    const { position } = await append('a', filled('x'), filled('y'));
    await runner.waitFor(position, VISIBLE_MS);
    await models.close();
    const next = open();
    await next.db.collection<{ _id: string }>(CHECKPOINTS).updateMany({}, { $set: { position: '0'.repeat(20) } });
    const again = project(boxes(), next);
    const last = await append('a', filled('z'));
    await again.waitFor(last.position, VISIBLE_MS);
    expect((await found('a', next))!.contents).toEqual(['x', 'y', 'z']);
  });

  it.each([
    ['rebuilt', async (runner: Runner) => runner.rebuild(await store.head(), VISIBLE_MS)],
    ['without its collection', async () => void (await models.db.dropCollection('all_boxes_v1'))],
    ['without its checkpoint', async () => void (await models.db.collection(CHECKPOINTS).deleteMany({}))],
    ['without its database', async () => void (await models.db.dropDatabase())],
  ])('%s is made again from the events, though a document was wrong', async (_, lose) => {
    const runner = project();
    await append('a', filled('x'));
    await append('b', filled('y'), { type: 'Emptied', data: {} });
    const { position } = await append('a', filled('z'));
    await runner.waitFor(position, VISIBLE_MS);
    const before = await models.collection(boxes()).find().sort({ _id: 1 }).toArray();
    await models.collection(boxes()).updateOne({ _id: 'a' }, { $set: { contents: ['wrong'], _position: '9'.repeat(20) } });
    await lose(runner);
    await eventually(async () => expect(await models.collection(boxes()).find().sort({ _id: 1 }).toArray()).toEqual(before));
    expect(await models.collection(boxes()).indexExists('fillings_1')).toBe(true);
  });

  it('that loses its collection is whole again, though an event has brought the collection back meanwhile', async () => {
    const runner = project();
    const { position } = await append('a', filled('x'));
    await runner.waitFor(position, VISIBLE_MS);
    await models.db.dropCollection('all_boxes_v1');
    await append('b', filled('y'));
    await eventually(async () => expect([await found('a'), await found('b')]).toMatchObject([{ contents: ['x'] }, { contents: ['y'] }]));
  });

  it('is kept by one replica at a time, and by the other when that stops', async () => {
    const second = open();
    const runners = [project(boxes(), models, 'one'), project(boxes(), second, 'two')];
    const { position } = await append('a', filled('x'));
    await Promise.all(runners.map((runner) => runner.waitFor(position, VISIBLE_MS)));
    const leases = await models.db.collection('_leases').find().toArray();
    expect(leases).toHaveLength(1);
    const holder = leases[0]!['holder'] === 'one' ? models : second;
    const survivor = holder === models ? second : models;
    await holder.close();
    const last = await append('a', filled('y'));
    await runners[survivor === models ? 0 : 1]!.waitFor(last.position, VISIBLE_MS);
    expect((await found('a', survivor))!.contents).toEqual(['x', 'y']);
  });

  it('stops at an event that it does not know, and leaves the lease to a version that does', async () => {
    const runner = project();
    const { position } = await append('a', filled('x'));
    await runner.waitFor(position, VISIBLE_MS);
    const newer = await append('a', { type: 'Filled', data: { with: 'y' } }, { type: 'Painted', data: {} });
    await eventually(() => expect(models.ready()).toEqual(expect.stringContaining('does not know the event Painted')));
    const next = open();
    const knowing: Projection<Box> = { ...boxes(), eventTypes: new Set(['Filled', 'Emptied', 'Moved', 'Painted']) };
    await project(knowing, next).waitFor(newer.position, VISIBLE_MS);
    expect((await found('a'))!.contents).toEqual(['x', 'y']);
  });

  it('changes several documents by one event', async () => {
    const projection = defineProjection<BoxEvent, { seen: number }>()({
      name: 'sets',
      version: 1,
      categories: [category],
      id: ({ type }) => (type === 'Moved' ? Array.from({ length: 40 }, (_, index) => `box-${index % 20}`) : undefined),
      on: { Moved: (document) => ({ seen: (document?.seen ?? 0) + 1 }) },
      ignores: ['Filled', 'Emptied'],
    });
    const runner = models.project(projection, store, new LeaseManager(models.db, 'one'));
    await append('a', filled('x'), { type: 'Moved', data: {} });
    const { position } = await append('a', { type: 'Moved', data: {} });
    await runner.waitFor(position, VISIBLE_MS);
    const documents = await models.collection(projection).find().toArray();
    expect(documents).toHaveLength(20);
    expect(new Set(documents.map(({ seen }) => seen))).toEqual(new Set([2]));
  });
});

describe('a reaction', () => {
  it('sees an event again until it is done, and none before', async () => {
    const seen: string[] = [];
    let failures = 1;
    const onEvent = async ({ data }: RecordedEvent) => {
      const { with: what } = data as { with: string };
      seen.push(what);
      if (what === 'y' && failures-- > 0) throw new Error('not now');
    };
    const runner = models.follow({ name: 'reaction', prefixes: [category], onEvent }, store, new LeaseManager(models.db, 'one'));
    const { position } = await append('a', filled('x'), filled('y'), filled('z'));
    await runner.waitFor(position, VISIBLE_MS);
    expect(seen).toEqual(['x', 'y', 'y', 'z']);
  });

  it('that was away for longer than its lease is told before it writes', async () => {
    const asked: string[] = [];
    const leases = new LeaseManager(models.db, 'one');
    /** Its lease ended long before it is told so. */
    const slow = { acquire: async (name: string) => leases.acquire(name, 60_000), release: (name: string) => leases.release(name) };
    const onEvent = async (_: RecordedEvent, mustHold: () => void) => {
      const real = performance.now.bind(performance);
      performance.now = () => real() + 3_600_000;
      try {
        mustHold();
        asked.push('held');
      } catch (error) {
        asked.push((error as { code: string }).code);
      } finally {
        performance.now = real;
      }
    };
    const runner = models.follow({ name: 'reaction', prefixes: [category], onEvent }, store, slow);
    const { position } = await append('a', filled('x'));
    await runner.waitFor(position, VISIBLE_MS);
    expect(asked).toEqual(['LEASE_LOST']);
  });
});
