import { randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  binaryEvent, EventStoreDBClient, jsonEvent, type AllStreamResolvedEvent, type EventData, type ResolvedEvent,
} from '@eventstore/db-client';
import { startEventStore, type EventStoreOptions, type RunningEventStore } from '../index';

/** How many times over the random tests run. */
export const ROUNDS = Math.max(1, Number(process.env['FERRY_TEST_ROUNDS'] ?? '1'));

export const testEvent = (number = 0, type = 'Counted'): EventData => jsonEvent({ type, data: { number } });

export const testEvents = (count: number, type?: string): EventData[] => Array.from({ length: count }, (_, n) => testEvent(n, type));

/** An event whose data is exactly this text. */
export const rawEvent = (type: string, text: string): EventData => binaryEvent({ type, data: Buffer.from(text) });

export const linkTo = (target: string): EventData => rawEvent('$>', target);

export const newStream = (prefix = 'test'): string => `${prefix}-${randomUUID()}`;

/** Printed by the tests that use it; the same one gives the same choices. */
export const SEED = Number(process.env['FERRY_TEST_SEED'] ?? randomInt(2 ** 31));

/** A server on a folder of its own, with a client. */
export class TestServer {
  private constructor(
    readonly dataDir: string,
    public server: RunningEventStore,
    public client: EventStoreDBClient,
  ) {}

  /** On an empty folder, or on one that is then the test's to lose. */
  static async start(dataDir = mkdtempSync(join(tmpdir(), 'ferry-eventstore-')), more: Partial<EventStoreOptions> = {}): Promise<TestServer> {
    const server = await startEventStore({ port: 0, dataDir, ...more });
    return new TestServer(dataDir, server, EventStoreDBClient.connectionString(server.connectionString));
  }

  async restart(): Promise<void> {
    await this.client.dispose();
    await this.server.close();
    this.server = await startEventStore({ port: 0, dataDir: this.dataDir });
    this.client = EventStoreDBClient.connectionString(this.server.connectionString);
  }

  async stop(): Promise<void> {
    await this.client.dispose();
    await this.server.close();
    rmSync(this.dataDir, { recursive: true });
  }
}

export async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const event of events) read.push(event);
  return read;
}

/** The first `count` events of a subscription, which stays open. */
export async function take<T extends ResolvedEvent | AllStreamResolvedEvent>(events: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  const iterator = events[Symbol.asyncIterator]();
  while (taken.length < count) {
    const { value, done } = await iterator.next();
    if (done) throw new Error(`ended after ${taken.length} of ${count} events`);
    taken.push(value);
  }
  return taken;
}

export const revisions = (events: readonly ResolvedEvent[]): bigint[] => events.map(({ event }) => event?.revision ?? -1n);

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('expected a rejection');
}
