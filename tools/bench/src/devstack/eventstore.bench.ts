import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  BACKWARDS, END, EventStoreDBClient, excludeSystemEvents, jsonEvent, type AllStreamSubscription, type EventData, type StreamSubscription,
} from '@eventstore/db-client';
import { compare, type Contender, type Row } from '../compare';
import type { Print } from '../main';
import { figure, inFlight, median, perSecond } from '../measure';
import { startEmbedded } from '../server-under-test';

const SOURCE = 'EventStoreDB 23.10.6 on two cores';
const WARM_UP = 1_500;
const MANY = 100_000;
const BATCH = 100;
const BIG_BATCH = 1_000;
const TEXT_LENGTH = 220;
const LIVE_APPENDS = 500;

interface Target {
  readonly client: EventStoreDBClient;
  /** A stream of MANY events. */
  readonly bigStream: string;
}

/** An event of 285 bytes. */
const orderPlaced = (): EventData =>
  jsonEvent({ type: 'order-placed', data: { id: randomUUID(), text: 'x'.repeat(TEXT_LENGTH), n: 12_345 } });

const batchOf = (count: number): EventData[] => Array.from({ length: count }, orderPlaced);

async function prepare(url: string): Promise<Target> {
  const client = EventStoreDBClient.connectionString(url);
  const bigStream = `big-${randomUUID()}`;
  await inFlight(1, WARM_UP, () => client.appendToStream(`warm-${randomUUID()}`, orderPlaced()));
  for (let written = 0; written < MANY; written += BIG_BATCH) await client.appendToStream(bigStream, batchOf(BIG_BATCH));
  return { client, bigStream };
}

const appends = (width: number, count: number, published: string): Row<Target> => ({
  name: `append, ${width} in flight`,
  unit: '1/s',
  published,
  measure: ({ client }) =>
    perSecond(count, () => inFlight(width, count, () => client.appendToStream(`order-${randomUUID()}`, orderPlaced()))),
});

const reads = (name: string, published: string, open: (target: Target) => AsyncIterable<unknown>): Row<Target> => ({
  name: `${name} of ${figure(MANY)}`,
  unit: 'events/s',
  published,
  measure: (target) => perSecond(MANY, () => count(open(target))),
});

async function count(events: AsyncIterable<unknown>): Promise<void> {
  let read = 0;
  for await (const _ of events) read++;
  if (read !== MANY) throw new Error(`read ${read} events, not ${MANY}`);
}

const catchUp = (name: string, published: string, open: (target: Target) => AllStreamSubscription | StreamSubscription): Row<Target> => ({
  name: `catch-up ${name}, ${figure(MANY)}`,
  unit: 'events/s',
  published,
  measure: async (target) => {
    const subscription = open(target);
    const rate = await perSecond(MANY, () => receive(subscription, MANY));
    await subscription.unsubscribe();
    return rate;
  },
});

function receive(subscription: AllStreamSubscription | StreamSubscription, wanted: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = 0;
    subscription.on('error', reject).on('data', () => {
      if (++received === wanted) resolve();
    });
  });
}

/** From the call of append until a live subscriber has the event, milliseconds. */
async function appendToSubscriber({ client }: Target): Promise<number> {
  const stream = `live-${randomUUID()}`;
  await client.appendToStream(stream, orderPlaced());
  const subscription = client.subscribeToStream(stream, { fromRevision: END });
  await once(subscription, 'caughtUp');
  const took: number[] = [];
  for (let n = 0; n < LIVE_APPENDS; n++) {
    const started = performance.now();
    await Promise.all([once(subscription, 'data'), client.appendToStream(stream, orderPlaced())]);
    took.push(performance.now() - started);
  }
  await subscription.unsubscribe();
  return median(took);
}

const ROWS: readonly Row<Target>[] = [
  appends(1, 2_000, '820'),
  appends(16, 8_000, '2 900'),
  appends(64, 16_000, '3 800'),
  appends(256, 16_000, '6 600'),
  {
    name: `append batches of ${BATCH}, 8 in flight`,
    unit: 'events/s',
    published: '32 k (half is enough)',
    measure: ({ client }) => perSecond(300 * BATCH, () => inFlight(8, 300, () => client.appendToStream(`batch-${randomUUID()}`, batchOf(BATCH)))),
  },
  reads('readStream', '46 k', ({ client, bigStream }) => client.readStream(bigStream)),
  reads('readStream backwards', '46 k', ({ client, bigStream }) => client.readStream(bigStream, { direction: BACKWARDS, fromRevision: END })),
  reads('readAll', '33-40 k', ({ client }) => client.readAll({ maxCount: MANY })),
  reads('readAll backwards', '33-40 k', ({ client }) => client.readAll({ maxCount: MANY, direction: BACKWARDS, fromPosition: END })),
  catchUp('$all', '35 k', ({ client }) => client.subscribeToAll()),
  catchUp('$all without system events', '35 k', ({ client }) => client.subscribeToAll({ filter: excludeSystemEvents() })),
  catchUp('stream', '32 k', ({ client, bigStream }) => client.subscribeToStream(bigStream)),
  { name: 'append to live subscriber, p50', unit: 'ms', published: '2.0', lessIsBetter: true, measure: appendToSubscriber },
];

/**
 * Durable appends, reads and subscriptions through the real client. Where EVENTSTORE_URL names a real server, which
 * should be empty and without use, both are measured in turn.
 */
export async function run(print: Print): Promise<void> {
  const embedded = await startEmbedded('eventstore');
  const real = process.env['EVENTSTORE_URL'];
  const urls = [['embedded', embedded.url], ...(real ? [['real', real]] : [])] as const;
  const contenders: Contender<Target>[] = [];
  try {
    for (const [name = '', url = ''] of urls) contenders.push({ name, target: await prepare(url) });
    print('\nEvent store: durable, 285-byte events');
    await compare(print, contenders, ROWS, SOURCE);
  } finally {
    for (const { target } of contenders) await target.client.dispose();
    await embedded.stop();
  }
}
