import { SUBJECTS } from '@ferry/contracts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, createInbox, type Msg, type NatsConnection } from 'nats';
import type { Figure, Print } from '../main';
import { inFlight, median, perSecond, printFigures } from '../measure';
import { realNats, startEmbedded } from '../server-under-test';
import { assetIdOf, ECHO_SUBJECT, OWNER, PROVIDER } from './hot-names';

const MILLION = 1_000_000;
/** As the published figures of an echo and of Nest's handlers were taken. */
const CALLS_WIDTH = 32;
const PUBLICATIONS_WIDTH = 64;
const REQUESTS = 20_000;
const ROUNDS = 5;
const TIMEOUT_MS = 60_000;
/** A refusal is shorter than any reference. */
const ANSWER_BYTES = 400;
const SHARE = 0.7;

interface Measured {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
}

interface Compared {
  readonly echo: Measured;
  readonly resolve: Measured;
  readonly share: number;
}

interface Urls {
  readonly nats: string;
  readonly eventStore: string;
  readonly mongo: string;
}

const payloadOf = (number: number): Buffer => {
  const data = { owner: OWNER, actor: 'bench', commandId: `command-${number}`, assetId: assetIdOf(number), providerId: PROVIDER };
  return Buffer.from(JSON.stringify({ pattern: SUBJECTS.transfer.resolve, data, id: 'bench' }));
};

/** A moment in which the memory is not proven live costs a read, which finds nothing here: such answers are counted. */
let notFromMemory = 0;
const look = (subject: string, { data }: Msg): void => {
  if (subject !== ECHO_SUBJECT && data.length < ANSWER_BYTES) notFromMemory += 1;
};

/** How requests are made: the times of all of them. */
type Way = (connection: NatsConnection, subject: string, payloads: readonly Buffer[]) => Promise<number[]>;

/** As callers do: the client's `request`, with its promise and its deadline. */
const calls: Way = async (connection, subject, payloads) => {
  const times: number[] = [];
  let sent = 0;
  await inFlight(CALLS_WIDTH, REQUESTS, async () => {
    const before = performance.now();
    look(subject, await connection.request(subject, payloads[sent++ % payloads.length]!, { timeout: TIMEOUT_MS }));
    times.push(performance.now() - before);
  });
  return times;
};

/** Bare publications, each place in flight with a reply subject of its own: the client costs next to nothing, the service is what is measured. */
const publications: Way = async (connection, subject, payloads) => {
  const times: number[] = [];
  const sentAt = new Float64Array(PUBLICATIONS_WIDTH);
  const inbox = createInbox();
  let sent = 0;
  let done: () => void = () => undefined;
  const send = (place: number): void => {
    sentAt[place] = performance.now();
    connection.publish(subject, payloads[sent++ % payloads.length], { reply: `${inbox}.${place}` });
  };
  const answered = (message: Msg): void => {
    const place = Number(message.subject.slice(inbox.length + 1));
    times.push(performance.now() - sentAt[place]!);
    look(subject, message);
    if (sent < REQUESTS) send(place);
    else if (times.length === REQUESTS) done();
  };
  const subscription = connection.subscribe(`${inbox}.*`, { callback: (_, message) => answered(message) });
  const all = new Promise<void>((resolve) => (done = resolve));
  for (let place = 0; place < PUBLICATIONS_WIDTH; place += 1) send(place);
  await withTimeout(all);
  subscription.unsubscribe();
  return times;
};

async function measure(way: Way, connection: NatsConnection, subject: string, payloads: readonly Buffer[]): Promise<Measured> {
  let times: number[] = [];
  const rate = await perSecond(REQUESTS, async () => {
    times = await way(connection, subject, payloads);
  });
  const sorted = times.toSorted((a, b) => a - b);
  return { rate, p50: sorted[sorted.length >> 1]!, p99: sorted[Math.floor(sorted.length * 0.99)]! };
}

async function withTimeout(work: Promise<void>): Promise<void> {
  const timer = new AbortController();
  const late = pause(TIMEOUT_MS, undefined, { signal: timer.signal }).then(() => Promise.reject(new Error('requests were not answered')));
  try {
    await Promise.race([work, late]);
  } finally {
    timer.abort();
    late.catch((error: Error) => error);
  }
}

/** In turn, so that what else the machine does hits both alike; of each the round with the middle rate. */
async function compared(way: Way, connection: NatsConnection, payloads: readonly Buffer[]): Promise<Compared> {
  const rounds: { echo: Measured; resolve: Measured }[] = [];
  await measure(way, connection, SUBJECTS.transfer.resolve, payloads);
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.push({ echo: await measure(way, connection, ECHO_SUBJECT, payloads), resolve: await measure(way, connection, SUBJECTS.transfer.resolve, payloads) });
  }
  const shares = rounds.map(({ echo, resolve }) => resolve.rate / echo.rate);
  const middle = rounds[shares.indexOf(median(shares))]!;
  return { ...middle, share: median(shares) };
}

async function withService<T>(urls: Urls, routes: number, work: (bytesPerRoute: number) => Promise<T>): Promise<T> {
  const main = join(__dirname, 'hot-service.js');
  const child = spawn(process.execPath, ['--expose-gc', '--max-old-space-size=4096', main, urls.nats, urls.eventStore, urls.mongo, String(routes)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, LOG_LEVEL: 'warn' },
  });
  try {
    const lines = createInterface({ input: child.stdout });
    const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the service ended with ${String(code)}`)));
    ended.catch((error: Error) => error);
    for await (const line of lines) {
      const ready = /^ready (-?\d+)$/.exec(line);
      if (ready) return await Promise.race([work(Number(ready[1])), ended]);
    }
    return await ended;
  } finally {
    child.kill('SIGKILL');
  }
}

const rowsOf = (known: string, { echo, resolve, share }: Compared, bare: Compared): Figure[] => [
  { name: `bare NATS echo, ${known}, ${CALLS_WIDTH} calls in flight`, value: Math.round(echo.rate), unit: '1/s' },
  { name: `hot resolves, ${known}`, value: Math.round(resolve.rate), unit: '1/s' },
  { name: `hot resolves as a share of the echo, ${known}`, value: Number(share.toFixed(3)), unit: 'ratio', goal: `>= ${SHARE}`, pass: share >= SHARE },
  { name: `hot resolve p50, ${known} (echo ${echo.p50.toFixed(2)})`, value: Number(resolve.p50.toFixed(2)), unit: 'ms' },
  { name: `hot resolve p99, ${known} (echo ${echo.p99.toFixed(2)})`, value: Number(resolve.p99.toFixed(2)), unit: 'ms' },
  { name: `hot resolves by bare publications, ${known} (echo ${Math.round(bare.echo.rate)})`, value: Math.round(bare.resolve.rate), unit: '1/s' },
];

/** A real server where there is one: the embedded one would be the narrowest part. */
const startNats = async () => (await realNats()) ?? startEmbedded('nats');

/** Resolves of known routes over NATS, side by side with an echo in the same process. */
export async function run(print: Print): Promise<Figure[]> {
  const servers = await Promise.all([startNats(), startEmbedded('eventstore'), startEmbedded('mongodb')]);
  const [nats, eventStore, mongo] = servers.map(({ url }) => url) as [string, string, string];
  const connection = await connect({ servers: nats });
  const rows: Figure[] = [];
  try {
    for (const [known, routes] of [['1 known route', 1], ['1 million known routes', MILLION]] as const) {
      await withService({ nats, eventStore, mongo }, routes, async (bytesPerRoute) => {
        const payloads = Array.from({ length: Math.min(routes, REQUESTS) }, (_, number) => payloadOf(Math.floor((number * routes) / Math.min(routes, REQUESTS))));
        rows.push(...rowsOf(known, await compared(calls, connection, payloads), await compared(publications, connection, payloads)));
        rows.push({ name: `hot resolves that memory was not sure of, ${known}`, value: notFromMemory, unit: '', goal: '0', pass: notFromMemory === 0 });
        notFromMemory = 0;
        if (routes > 1) rows.push({ name: 'memory of a known route and its asset', value: bytesPerRoute, unit: 'bytes' });
      });
    }
  } finally {
    await connection.close();
    await Promise.all(servers.map((server) => server.stop()));
  }
  printFigures(print, rows);
  return rows;
}
