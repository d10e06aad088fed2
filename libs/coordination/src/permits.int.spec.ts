import { mongoServer, type TestServer } from '@ferry/testing/servers';
import { createLogger } from '@ferry/observability';
import { eventually, tempDir, type TempDir } from '@ferry/testing/specs';
import * as fc from 'fast-check';
import { MongoClient, type Db } from 'mongodb';
import { randomUUID } from 'node:crypto';
import { Permits, Snapshots, type PermitLimits, type PermitRequest } from './index';
import { PermitStore } from './permit-store';

const logger = createLogger('spec');
let folder: TempDir;
let server: TestServer;
let client: MongoClient;
const open: Permits[] = [];

beforeAll(async () => {
  folder = await tempDir('ferry-permits-');
  server = await mongoServer(folder.path);
  client = new MongoClient(server.url);
});
afterEach(() => {
  for (const permits of open.splice(0)) permits.stop();
});
afterAll(async () => {
  await client?.close();
  await server?.stop();
  await folder?.remove();
});

const database = (): Db => client.db(`permits-${randomUUID()}`);
const replica = (db: Db, name: string): Permits => {
  const permits = new Permits(db, name, logger);
  open.push(permits);
  return permits;
};
const never = new AbortController().signal;
const request = (id: string, limits: PermitLimits, more: Partial<PermitRequest> = {}): PermitRequest => ({ id, key: 'k', owner: 'o', rank: 0, urgent: false, limits, ...more });
const asked = (ids: readonly string[], limits: PermitLimits, urgent = false, sizeBytes = 0) => ({ key: 'k', ids, urgent, limits, sizeBytes });

describe('the permits in MongoDB', () => {
  it('never gives more than the limit, whatever replicas ask and give back', async () => {
    const steps = fc.array(fc.record({ replica: fc.nat(2), count: fc.integer({ min: 1, max: 5 }), urgent: fc.boolean(), back: fc.boolean() }), { minLength: 1, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), steps, async (concurrency, actions) => {
        const db = database();
        const stores = ['a', 'b', 'c'].map((name) => new PermitStore(db, name));
        const held: { id: string; replica: number }[] = [];
        let next = 0;
        for (const action of actions) {
          const store = stores[action.replica]!;
          const mine = held.findIndex((permit) => permit.replica === action.replica);
          if (action.back && mine >= 0) {
            await store.release('k', held.splice(mine, 1)[0]!.id);
            continue;
          }
          const ids = Array.from({ length: action.count }, () => `id-${(next += 1)}`);
          const given = await store.ask(asked(ids, { concurrency }, action.urgent));
          expect(ids.slice(0, given.ids.length)).toEqual(given.ids);
          held.push(...given.ids.map((id) => ({ id, replica: action.replica })));
          expect(held.length).toBeLessThanOrEqual(concurrency);
        }
        await db.dropDatabase();
      }),
      { numRuns: 15 },
    );
  });

  it('keeps some for urgent calls', async () => {
    const store = new PermitStore(database(), 'a');
    expect((await store.ask(asked(['1', '2', '3', '4', '5'], { concurrency: 4 }))).ids).toEqual(['1', '2', '3']);
    expect((await store.ask(asked(['6', '7'], { concurrency: 4 }, true))).ids).toEqual(['6']);
  });

  it('gives replicas their turn: who waits longer comes before who comes back', async () => {
    const db = database();
    const [a, b] = [new PermitStore(db, 'a'), new PermitStore(db, 'b')];
    expect((await a.ask(asked(['a1', 'a2'], { concurrency: 1 }))).ids).toEqual(['a1']);
    expect((await b.ask(asked(['b1'], { concurrency: 1 }))).ids).toEqual([]);
    // The one that had a permit is behind the other by now.
    await a.ask(asked(['a2'], { concurrency: 1 }));
    await b.ask(asked(['b1'], { concurrency: 1 }));
    await a.release('k', 'a1');
    const order: string[] = [];
    await eventually(async () => {
      for (const [store, id] of [[a, 'a2'], [b, 'b1']] as const) order.push(...(await store.ask(asked([id], { concurrency: 1 }))).ids);
      expect(order.length).toBeGreaterThan(0);
    });
    expect(['a2', 'b1']).toContain(order[0]);
  });

  it('fills by the second and takes the bytes of a call as a debt', async () => {
    const store = new PermitStore(database(), 'a');
    const limits = { requestsPerSecond: 2 };
    expect((await store.ask(asked(['1', '2', '3', '4'], limits))).ids).toEqual(['1', '2']);
    await eventually(async () => expect((await store.ask(asked(['3'], limits))).ids).toEqual(['3']));
    const bytes = new PermitStore(database(), 'a');
    expect((await bytes.ask(asked(['1'], { bytesPerSecond: 1_000 }, false, 1_500))).ids).toEqual(['1']);
    expect((await bytes.ask(asked(['2'], { bytesPerSecond: 1_000 }))).ids).toEqual([]);
    await eventually(async () => expect((await bytes.ask(asked(['2'], { bytesPerSecond: 1_000 }))).ids).toEqual(['2']));
  });

  it('gives a successor what its predecessor held, and takes no late answer of that one', async () => {
    const db = database();
    const [a, b] = [new PermitStore(db, 'a'), new PermitStore(db, 'b')];
    await a.ask(asked(['1'], { concurrency: 1 }));
    await b.renew('k', ['1']);
    await a.release('k', '1');
    expect((await a.ask(asked(['2'], { concurrency: 1 }))).ids).toEqual([]);
    await b.release('k', '1');
    expect((await a.ask(asked(['2'], { concurrency: 1 }))).ids).toEqual(['2']);
  });
});

describe('Permits', () => {
  it('serves owners in turn, the urgent first, and everybody in the end', async () => {
    const permits = replica(database(), 'a');
    const limits = { concurrency: 1 };
    await permits.acquire(request('first', limits), never);
    const order: string[] = [];
    const wait = async (id: string, more: Partial<PermitRequest>) => {
      await permits.acquire(request(id, limits, more), never);
      order.push(id);
      await permits.release('k', id);
    };
    const all = ['a1', 'a2', 'a3', 'b1'].map((id) => wait(id, { owner: id[0]! }));
    const urgent = wait('u', { rank: 4, urgent: true });
    expect(permits.counts()).toEqual([{ key: 'k', inUse: 1, waiting: 5 }]);
    await permits.release('k', 'first');
    await Promise.all([...all, urgent]);
    expect(order.indexOf('u')).toBeLessThanOrEqual(1);
    expect(order.indexOf('b1')).toBeLessThan(order.indexOf('a3'));
    expect(permits.counts()).toEqual([{ key: 'k', inUse: 0, waiting: 0 }]);
  });

  it('holds one limit over replicas that wait for each other', async () => {
    const db = database();
    const replicas = ['a', 'b', 'c'].map((name) => replica(db, name));
    let under = 0;
    let peak = 0;
    const served: string[] = [];
    const call = async (permits: Permits, id: string) => {
      await permits.acquire(request(id, { concurrency: 2 }, { urgent: true }), never);
      peak = Math.max(peak, (under += 1));
      await new Promise((resolve) => setImmediate(resolve));
      served.push(id);
      under -= 1;
      await permits.release('k', id);
    };
    await Promise.all(replicas.flatMap((permits, index) => Array.from({ length: 8 }, (_, at) => call(permits, `${index}-${at}`))));
    expect(served).toHaveLength(24);
    expect(peak).toBeLessThanOrEqual(2);
  });

  it('closes for all replicas until the provider wants calls again', async () => {
    const db = database();
    const [a, b] = [replica(db, 'a'), replica(db, 'b')];
    await a.close('k', 60_000);
    for (const permits of [a, b]) {
      await expect(permits.acquire(request('1', {}), never)).rejects.toMatchObject({ code: 'THROTTLED', details: { key: 'k', retryAfter: expect.any(String) } });
      expect(Date.parse(permits.closedUntil('k')!)).toBeGreaterThan(Date.now() + 50_000);
    }
  });

  it('refuses a line that is too long, says when there is room, and lets waiters leave', async () => {
    const permits = replica(database(), 'a');
    const limits = { concurrency: 1 };
    await permits.acquire(request('first', limits), never);
    const rooms: [string, number][] = [];
    permits.listen((key, leastRank) => rooms.push([key, leastRank]));
    const leaving = new AbortController();
    const waiting = Array.from({ length: 32 }, (_, index) => permits.acquire(request(`w${index}`, limits), leaving.signal));
    await expect(permits.acquire(request('more', limits), never)).rejects.toMatchObject({ code: 'PERMITS_BUSY', details: { key: 'k' } });
    expect(rooms).toEqual([]);
    leaving.abort(new Error('gone'));
    const ends = await Promise.allSettled(waiting);
    expect(ends.every(({ status }) => status === 'rejected')).toBe(true);
    expect(rooms.at(-1)).toEqual(['k', 0]);
    await permits.release('k', 'first');
    await permits.acquire(request('after', limits), never);
  });

  it('lets those that are less urgent keep nobody out, and bounds the urgent too', async () => {
    const permits = replica(database(), 'a');
    const limits = { concurrency: 2 };
    const rooms: number[] = [];
    await permits.acquire(request('first', limits), never);
    permits.listen((_, leastRank) => rooms.push(leastRank));
    const leaving = new AbortController();
    const line = (name: string, more: Partial<PermitRequest>) => Array.from({ length: 32 }, (_, index) => permits.acquire(request(`${name}${index}`, limits, more), leaving.signal));
    const warm = line('warm', {});
    const urgent = { rank: 4, urgent: true };
    await permits.acquire(request('resolve', limits, urgent), never);
    expect(rooms).toEqual([1]);
    const resolves = line('resolve', urgent);
    await expect(permits.acquire(request('more', limits, urgent), never)).rejects.toMatchObject({ code: 'PERMITS_BUSY' });
    expect(permits.counts()).toEqual([{ key: 'k', inUse: 2, waiting: 64 }]);
    leaving.abort(new Error('gone'));
    const ends = await Promise.allSettled([...warm, ...resolves]);
    expect(ends.every(({ status }) => status === 'rejected')).toBe(true);
  });
});

describe('Snapshots', () => {
  const entries = (count: number) => Array.from({ length: count }, (_, index) => ({ index }));

  it('gives the newest whole one back', async () => {
    const snapshots = new Snapshots(database(), 1);
    expect(await snapshots.load('runs')).toBeUndefined();
    expect(await snapshots.save('runs', { position: '5', entries: entries(4_500) })).toBe(true);
    expect(await snapshots.save('runs', { position: '3', entries: entries(1) })).toBe(false);
    expect(await snapshots.load('runs')).toEqual({ position: '5', entries: entries(4_500) });
    expect(await snapshots.save('runs', { position: '7', entries: [] })).toBe(true);
    expect(await snapshots.load('runs')).toEqual({ position: '7', entries: [] });
  });

  it('gives nothing of another version, or with a part missing', async () => {
    const db = database();
    await new Snapshots(db, 1).save('runs', { position: '5', entries: entries(10) });
    expect(await new Snapshots(db, 2).load('runs')).toBeUndefined();
    await db.collection('_snapshot_chunks').deleteMany({});
    expect(await new Snapshots(db, 1).load('runs')).toBeUndefined();
  });
});
