import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStoreDBClient, NO_STREAM, START } from '@eventstore/db-client';
import fc from 'fast-check';
import { ServerProcess } from './specs/server-process';
import { all, newStream, rejection, ROUNDS, SEED, take, testEvent, testEvents, TestServer } from './specs/support';

describe('a restart', () => {
  it('keeps every event and every position', async () => {
    const test = await TestServer.start();
    const [kept, deleted, dead] = [newStream(), newStream(), newStream()];
    for (const stream of [kept, deleted, dead]) await test.client.appendToStream(stream, testEvents(300));
    await test.client.setStreamMetadata(kept, { maxCount: 5 });
    await test.client.deleteStream(deleted);
    await test.client.tombstoneStream(dead);
    const before = await all(test.client.readAll());
    await test.restart();
    expect(await all(test.client.readAll())).toEqual(before);
    const last = before.at(-1)?.event?.position;
    const next = await test.client.appendToStream(kept, testEvent(), { expectedRevision: 299n });
    expect(next.position?.commit).toBeGreaterThan(last?.commit ?? 0n);
    expect(await all(test.client.readStream(kept))).toHaveLength(5);
    for (const stream of [deleted, dead]) expect(await rejection(all(test.client.readStream(stream)))).toBeInstanceOf(Error);
    expect(await take(test.client.subscribeToAll({ fromPosition: last }), 1)).toMatchObject([{ event: { revision: 300n } }]);
    await test.stop();
  });

  it('keeps idempotency for an expected revision, and forgets it for ANY', async () => {
    const test = await TestServer.start();
    const stream = newStream();
    const events = testEvents(2);
    const first = await test.client.appendToStream(stream, events, { expectedRevision: NO_STREAM });
    await test.restart();
    expect(await test.client.appendToStream(stream, events, { expectedRevision: NO_STREAM })).toEqual(first);
    expect(await test.client.appendToStream(stream, events)).toMatchObject({ nextExpectedRevision: 3n });
    await test.stop();
  });
});

const APPENDS_IN_FLIGHT = 8;
const KILLS = 4 * ROUNDS;
const MAX_ACKNOWLEDGED_BEFORE_KILL = 400;

/** Appends pairs until the server is gone; returns the numbers that were acknowledged. */
async function appendUntilKilled(server: ServerProcess, connectionString: string, stream: string, killAfter: number): Promise<number[]> {
  const client = EventStoreDBClient.connectionString(connectionString);
  const acknowledged: number[] = [];
  let next = 0;
  const writeOn = async (): Promise<void> => {
    for (let number = next++; ; number = next++) {
      await client.appendToStream(`${stream}-${number % 3}`, [testEvent(number), testEvent(number)]);
      if (acknowledged.push(number) === killAfter) server.child.kill('SIGKILL');
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: APPENDS_IN_FLIGHT }, writeOn));
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
  await client.dispose();
  return acknowledged;
}

it(`keeps what was acknowledged, whole, through ${KILLS} kills`, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ferry-eventstore-'));
  let before: unknown[] = [];
  const killPoints = fc.sample(fc.integer({ min: 1, max: MAX_ACKNOWLEDGED_BEFORE_KILL }), { seed: SEED, numRuns: KILLS });
  process.stdout.write(`seed ${SEED}: kills after ${killPoints.join(', ')} acknowledged appends\n`);
  for (const killAfter of killPoints) {
    const server = ServerProcess.spawn('--port', '0', '--data', dataDir);
    const stream = newStream();
    const acknowledged = await appendUntilKilled(server, await server.ready(), stream, killAfter);
    expect(await server.end()).toMatchObject({ signal: 'SIGKILL' });

    const again = ServerProcess.spawn('--port', '0', '--data', dataDir);
    const client = EventStoreDBClient.connectionString(await again.ready());
    const events = await all(client.readAll({ fromPosition: START }));
    expect(events.slice(0, before.length)).toEqual(before);
    const counts = new Map<number, number>();
    for (const { event } of events) {
      if (!event?.streamId.startsWith(stream)) continue;
      const { number } = event.data as { number: number };
      counts.set(number, (counts.get(number) ?? 0) + 1);
    }
    expect(acknowledged.filter((number) => !counts.has(number))).toEqual([]);
    expect([...counts.values()].every((count) => count === 2)).toBe(true);
    before = events;
    await client.dispose();
    await again.end('SIGTERM');
  }
  rmSync(dataDir, { recursive: true });
}, 15_000 * KILLS);

describe('a torn last write', () => {
  const APPENDS = 20;
  const WAL = 'eventstore.sqlite-wal';
  const WAL_FRAME_BYTES = 24 + 4096;
  let killedDir: string;
  let walBytes: number;

  /** A folder whose server was killed after APPENDS appends of two events each, one commit each. */
  beforeAll(async () => {
    killedDir = mkdtempSync(join(tmpdir(), 'ferry-eventstore-'));
    const server = ServerProcess.spawn('--port', '0', '--data', killedDir);
    const client = EventStoreDBClient.connectionString(await server.ready());
    for (let number = 0; number < APPENDS; number++) await client.appendToStream('torn', [testEvent(number), testEvent(number)]);
    server.child.kill('SIGKILL');
    await server.end();
    await client.dispose();
    walBytes = readFileSync(join(killedDir, WAL)).length;
  });
  afterAll(() => rmSync(killedDir, { recursive: true }));

  const zeroed = (file: string, from: number): void => {
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(0, from));
  };
  const flipped = (file: string, from: number): void => {
    const bytes = readFileSync(file);
    bytes.writeUInt8((bytes.readUInt8(from) ^ 0xff) & 0xff, from);
    writeFileSync(file, bytes);
  };
  const CUTS = fc.sample(fc.integer({ min: 1, max: 3 * WAL_FRAME_BYTES }), { seed: SEED, numRuns: 3 * ROUNDS });

  it.each([['cut off', truncateSync], ['zeroed', zeroed], ['garbled', flipped]] as const)(
    'that is %s is gone at the next start, whole, with nothing before it',
    async (_how, damage) => {
      for (const cut of CUTS) {
        const dataDir = mkdtempSync(join(tmpdir(), 'ferry-eventstore-'));
        cpSync(killedDir, dataDir, { recursive: true });
        damage(join(dataDir, WAL), walBytes - cut);
        const test = await TestServer.start(dataDir);
        const numbers = (await all(test.client.readStream<{ type: 'Counted'; data: { number: number } }>('torn'))).map(({ event }) => event?.data.number);
        const left = numbers.length / 2;
        expect({ cut, numbers }).toEqual({ cut, numbers: Array.from({ length: 2 * left }, (_, n) => Math.floor(n / 2)) });
        expect(left).toBeLessThan(APPENDS);
        // A commit has two frames or more here: so the last three frames belong to two commits at most.
        expect(left).toBeGreaterThanOrEqual(APPENDS - 2);
        expect(await test.client.appendToStream('torn', testEvent(), { expectedRevision: BigInt(2 * left - 1) })).toMatchObject({ success: true });
        await test.stop();
      }
    },
    60_000 * ROUNDS,
  );
});
