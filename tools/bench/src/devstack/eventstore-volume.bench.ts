import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import type { Print } from '../main';
import { figure, perSecond } from '../measure';
import { startEmbedded, type ServerUnderTest } from '../server-under-test';

const EVENTS = 1_000_000;
const STEP = 200_000;
const BATCH = 1_000;
const STREAMS = 10_000;
const TEXT_LENGTH = 220;
const MIB = 1024 * 1024;

/** One million events in ten thousand streams: how fast, and how much memory the server takes meanwhile. */
export async function run(print: Print): Promise<void> {
  const server = await startEmbedded('eventstore');
  const client = EventStoreDBClient.connectionString(server.url);
  try {
    print(`\nEvent store: ${EVENTS.toLocaleString('en')} events`);
    for (let stored = 0; stored < EVENTS; stored += STEP) {
      const rate = await perSecond(STEP, () => append(client, STEP));
      await report(print, server, `${(stored + STEP).toLocaleString('en')} stored, ${figure(rate)} events/s`);
    }
    const rate = await perSecond(EVENTS, async () => {
      let read = 0;
      for await (const { event } of client.readAll()) if (event?.type === 'counted') read++;
      if (read !== EVENTS) throw new Error(`read ${read} events, not ${EVENTS}`);
    });
    await report(print, server, `all read, ${figure(rate)} events/s`);
  } finally {
    await client.dispose();
    await server.stop();
  }
}

async function append(client: EventStoreDBClient, count: number): Promise<void> {
  for (let written = 0; written < count; written += BATCH) {
    const stream = `volume-${Math.floor(Math.random() * STREAMS)}`;
    const events = Array.from({ length: BATCH }, () =>
      jsonEvent({ type: 'counted', data: { id: randomUUID(), text: 'x'.repeat(TEXT_LENGTH), n: 12_345 } }));
    await client.appendToStream(stream, events);
  }
}

async function report(print: Print, server: ServerUnderTest, what: string): Promise<void> {
  const memory = await server.memory();
  print(`${what.padEnd(44)}${memory === undefined ? 'memory unknown' : `${Math.round(memory / MIB)} MiB`}`);
}
