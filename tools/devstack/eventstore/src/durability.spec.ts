import { randomBytes } from 'node:crypto';
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ErrorType, EventStoreDBClient, NO_STREAM, START, type EventData, type Position } from '@eventstore/db-client';
import fc from 'fast-check';
import { DataFolderError, startEventStore } from './index';
import { ServerProcess } from './specs/server-process';
import { all, newStream, rawEvent, rejection, ROUNDS, SEED, take, testEvent, testEvents, TestServer } from './specs/support';

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

/** What a log has after a position. */
async function logAfter(client: EventStoreDBClient, position: Position | undefined): Promise<Logged[]> {
  const events = await all(client.readAll({ fromPosition: position ?? START }));
  const logged = events.flatMap(({ event }) => (event ? [event] : []));
  return logged.slice(position ? 1 : 0).map(({ id, streamId, revision, data, position: at }) => ({ id, streamId, revision, data, position: at }));
}

interface Logged {
  readonly id: string;
  readonly streamId: string;
  readonly revision: bigint;
  readonly data: unknown;
  readonly position: Position | undefined;
}

/** The same log, read again and again by servers that are killed: what was read once must be in it for ever. */
class KilledAgainAndAgain {
  private readonly log: Logged[] = [];
  private stream = '';
  private acknowledged: number[] = [];

  constructor(private readonly dataDir: string) {}

  async round(killAfter: number): Promise<void> {
    const server = ServerProcess.spawn('--port', '0', '--data', this.dataDir);
    const url = await server.ready();
    await this.check(url);
    this.stream = newStream();
    this.acknowledged = await appendUntilKilled(server, url, this.stream, killAfter);
    expect(await server.end()).toMatchObject({ signal: 'SIGKILL' });
  }

  async wholeLog(): Promise<void> {
    const server = ServerProcess.spawn('--port', '0', '--data', this.dataDir);
    const url = await server.ready();
    await this.check(url);
    const client = EventStoreDBClient.connectionString(url);
    expect(await logAfter(client, undefined)).toEqual(this.log);
    await client.dispose();
    await server.end('SIGTERM');
  }

  /** What the last round wrote: all that was acknowledged, each append whole, each stream without a gap, nothing else. */
  private async check(url: string): Promise<void> {
    const client = EventStoreDBClient.connectionString(url);
    const written = await logAfter(client, this.log.at(-1)?.position);
    await client.dispose();
    const own = written.filter(({ streamId }) => this.stream !== '' && streamId.startsWith(this.stream));
    expect(this.log.length === 0 ? own : written).toEqual(own);
    const counts = new Map<unknown, number>();
    const revisions = new Map<string, bigint>();
    for (const { streamId, revision, data } of own) {
      const { number } = data as { number: number };
      counts.set(number, (counts.get(number) ?? 0) + 1);
      expect(revision).toBe((revisions.get(streamId) ?? -1n) + 1n);
      revisions.set(streamId, revision);
    }
    expect(this.acknowledged.filter((number) => !counts.has(number))).toEqual([]);
    expect([...counts.values()].every((count) => count === 2)).toBe(true);
    this.log.push(...written);
  }
}

it(`keeps what was acknowledged, whole, through ${KILLS} kills`, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ferry-eventstore-'));
  const killPoints = fc.sample(fc.integer({ min: 1, max: MAX_ACKNOWLEDGED_BEFORE_KILL }), { seed: SEED, numRuns: KILLS });
  process.stdout.write(`seed ${SEED}: kills after ${killPoints.join(', ')} acknowledged appends\n`);
  const killed = new KilledAgainAndAgain(dataDir);
  for (const killAfter of killPoints) await killed.round(killAfter);
  await killed.wholeLog();
  rmSync(dataDir, { recursive: true });
}, 15_000 * KILLS);

describe('a log whose end is damaged', () => {
  const APPENDS = 20;
  let killedDir: string;
  let logBytes: number;

  const logOf = (dataDir: string): string => join(dataDir, 'events.log');
  const copy = (): string => {
    const dataDir = mkdtempSync(join(tmpdir(), 'ferry-eventstore-'));
    cpSync(killedDir, dataDir, { recursive: true });
    return dataDir;
  };

  /** A folder whose server was killed after APPENDS appends of two events each, one commit each. */
  beforeAll(async () => {
    killedDir = mkdtempSync(join(tmpdir(), 'ferry-eventstore-'));
    const server = ServerProcess.spawn('--port', '0', '--data', killedDir);
    const client = EventStoreDBClient.connectionString(await server.ready());
    for (let number = 0; number < APPENDS; number++) await client.appendToStream('torn', [testEvent(number), testEvent(number)]);
    server.child.kill('SIGKILL');
    await server.end();
    await client.dispose();
    logBytes = readFileSync(logOf(killedDir)).length;
  });
  afterAll(() => rmSync(killedDir, { recursive: true }));

  /** Starts on the folder and returns how many appends are left: the first ones, each whole. It can be written to. */
  async function appendsLeft(dataDir: string): Promise<number> {
    const test = await TestServer.start(dataDir);
    const events = await all(test.client.readStream<{ type: 'Counted'; data: { number: number } }>('torn'));
    const numbers = events.map(({ event }) => event?.data.number);
    const left = numbers.length / 2;
    expect(numbers).toEqual(Array.from({ length: 2 * left }, (_, n) => Math.floor(n / 2)));
    expect(await test.client.appendToStream('torn', testEvent(), { expectedRevision: BigInt(2 * left - 1) })).toMatchObject({ success: true });
    await test.restart();
    expect(await all(test.client.readStream('torn'))).toHaveLength(2 * left + 1);
    await test.stop();
    return left;
  }

  const zeroed = (file: string, from: number): void => {
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(0, from));
  };
  const flipped = (file: string, from: number): void => {
    const bytes = readFileSync(file);
    bytes.writeUInt8((bytes.readUInt8(from) ^ 0xff) & 0xff, from);
    writeFileSync(file, bytes);
  };
  // In thousandths of an append, within the last three. Not at the very end of one: the last bytes are zeroes already.
  const CUTS = fc.sample(fc.tuple(fc.nat(2), fc.integer({ min: 30, max: 990 })), { seed: SEED, numRuns: 3 * ROUNDS })
    .map(([appends, rest]) => 1_000 * appends + rest);

  it.each([['cut off', truncateSync], ['zeroed', zeroed], ['garbled', flipped]] as const)(
    'by what is %s loses those appends, whole, and no other',
    async (_how, damage) => {
      // Each append takes the same room.
      const appendBytes = (logBytes - (await firstAppendAt())) / APPENDS;
      for (const cut of CUTS) {
        const dataDir = copy();
        const bytes = Math.ceil((cut * appendBytes) / 1_000);
        damage(logOf(dataDir), logBytes - bytes);
        expect({ cut, left: await appendsLeft(dataDir) }).toEqual({ cut, left: APPENDS - Math.ceil(bytes / appendBytes) });
      }
    },
    60_000 * ROUNDS,
  );

  async function firstAppendAt(): Promise<number> {
    const test = await TestServer.start(copy());
    const [first] = await all(test.client.readStream('torn', { maxCount: 1 }));
    const events = await all(test.client.readAll());
    await test.stop();
    return Number(events.find(({ event }) => event?.id === first?.event?.id)?.event?.position?.commit);
  }

  it.each([['zeroes', Buffer.alloc(5_000)], ['garbage', randomBytes(5_000)]])('by %s that follow loses nothing', async (_what, rest) => {
    const dataDir = copy();
    appendFileSync(logOf(dataDir), rest);
    expect(await appendsLeft(dataDir)).toBe(APPENDS);
  });

  it('keeps what it cuts off', async () => {
    const dataDir = copy();
    const rest = randomBytes(3_000_000);
    appendFileSync(logOf(dataDir), rest);
    const test = await TestServer.start(dataDir);
    const [kept, ...others] = readdirSync(dataDir).filter((name) => name.startsWith('events.log.cut-'));
    expect(readFileSync(join(dataDir, kept ?? '')).equals(rest)).toBe(true);
    expect(others).toEqual([]);
    await test.stop();
  });

  it('is refused when what was whole at the last start is gone', async () => {
    const test = await TestServer.start(copy());
    await test.client.dispose();
    await test.server.close();
    for (const damage of [(file: string) => flipped(file, logBytes - 50), (file: string) => truncateSync(file, logBytes - 1)]) {
      damage(logOf(test.dataDir));
      const refused = await rejection(startEventStore({ port: 0, dataDir: test.dataDir }));
      expect(refused).toBeInstanceOf(DataFolderError);
      expect(refused).toMatchObject({ message: expect.stringContaining('is damaged') });
    }
    rmSync(test.dataDir, { recursive: true });
  });
});

it('tells who reads an event that is damaged', async () => {
  const test = await TestServer.start();
  const stream = newStream();
  await test.client.appendToStream(stream, [rawEvent('Raw', 'one'), rawEvent('Raw', 'damaged'), rawEvent('Raw', 'three')]);
  const log = join(test.dataDir, 'events.log');
  const bytes = readFileSync(log);
  await test.client.dispose();
  await test.server.close();
  writeFileSync(log, bytes.fill('DAMAGED', bytes.indexOf('damaged'), bytes.indexOf('damaged') + 7));
  const again = await TestServer.start(test.dataDir);
  expect(await all(again.client.readStream(stream, { maxCount: 1 }))).toHaveLength(1);
  const damaged = { type: ErrorType.UNKNOWN, message: expect.stringContaining('the event log is damaged at position') };
  expect(await rejection(all(again.client.readStream(stream)))).toMatchObject(damaged);
  expect(await rejection(take(again.client.subscribeToAll(), 10))).toMatchObject(damaged);
  await again.stop();
});

it('does not open a folder that an earlier version wrote', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ferry-eventstore-'));
  writeFileSync(join(dataDir, 'eventstore.sqlite'), '');
  const refused = await rejection(startEventStore({ port: 0, dataDir }));
  expect(refused).toMatchObject({ message: expect.stringContaining('an earlier version wrote it (eventstore.sqlite)') });
  rmSync(dataDir, { recursive: true });
});

it('refuses appends that the disk does not take, and takes them when it does', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ferry-eventstore-'));
  const event = (): EventData => rawEvent('Large', 'x'.repeat(100_000));
  const limited = ServerProcess.spawnLimited(2_000, '--port', '0', '--data', dataDir);
  const client = EventStoreDBClient.connectionString(await limited.ready());
  const outcomes = await Promise.allSettled(Array.from({ length: 40 }, (_, n) => client.appendToStream(`large-${n}`, event())));
  const refused = outcomes.filter(({ status }) => status === 'rejected');
  expect(refused.length).toBeGreaterThan(0);
  for (const outcome of refused) expect(outcome).toMatchObject({ reason: { type: ErrorType.UNKNOWN } });
  // In answers to a batch the client drops the reason; a call with credentials is no batch.
  const alone = rejection(client.appendToStream('large', Array.from({ length: 10 }, event), { credentials: { username: 'a', password: 'b' } }));
  expect(await alone).toMatchObject({ message: expect.stringContaining('the event log could not be written: EFBIG') });
  const places = async (asked: EventStoreDBClient): Promise<unknown[]> =>
    (await logAfter(asked, undefined)).map(({ id, position }) => ({ id, position }));
  const before = await places(client);
  await client.dispose();
  await limited.end('SIGTERM');

  const test = await TestServer.start(dataDir);
  expect(await places(test.client)).toEqual(before);
  const again = outcomes.map(({ status }, n) =>
    test.client.appendToStream(`large-${n}`, event(), { expectedRevision: status === 'fulfilled' ? 0n : NO_STREAM }));
  expect(await Promise.all(again)).toHaveLength(outcomes.length);
  await test.stop();
});
