import { loadavg } from 'node:os';
import { type Collection, type Document, MongoClient } from 'mongodb';
import type { Print } from '../main';
import { startEmbedded, type ServerUnderTest } from '../server-under-test';

interface Row extends Document {
  _id: number;
}

const IN_FLIGHT = 32;
const OPERATIONS = 20_000;
const RANGE_DOCUMENTS = 100_000;
const RANGE = 100;
const MILLION = 1_000_000;
const BATCH = 10_000;
const GRAPH_NODES = 10_000;
const BULK = 1000;
const START_TIMEOUT_MS = 20_000;

/** Measures the embedded MongoDB through the real driver: the server in its own process, on a folder of its own. */
export async function run(print: Print): Promise<void> {
  print(`load average before: ${loadavg().map((load) => load.toFixed(1)).join(' ')}`);
  const server = await startEmbedded('mongodb');
  try {
    const client = new MongoClient(server.url, { maxPoolSize: IN_FLIGHT, serverSelectionTimeoutMS: START_TIMEOUT_MS });
    try {
      await measure(client, server, print);
    } finally {
      await client.close();
    }
  } finally {
    await server.stop();
  }
}

async function measure(client: MongoClient, server: ServerUnderTest, print: Print): Promise<void> {
  const db = client.db('bench');
  await upserts(db.collection<Row>('upserts'), print);
  await ranges(db.collection<Row>('ranges'), print);
  await bulk(db.collection<Row>('bulk'), print);
  await graph(db.collection<Row>('graph'), print);
  await million(db.collection<Row>('million'), server, print);
}

const perSecond = (count: number, ms: number): string => `${Math.round((count * 1000) / ms).toLocaleString('en')}/s`;

/** Runs `work` for 0..count-1 with that many in flight; answers how many milliseconds it took. */
async function timed(count: number, inFlight: number, work: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < count) await work(next++);
    }),
  );
  return performance.now() - started;
}

async function upserts(rows: Collection<Row>, print: Print): Promise<void> {
  await rows.createIndex({ owner: 1, at: -1 });
  const upsert = (index: number) =>
    rows.updateOne({ _id: index % (OPERATIONS / 2) }, { $set: { owner: `owner-${index % 100}`, at: index }, $inc: { version: 1 } }, { upsert: true });
  const find = (index: number) => rows.findOne({ _id: (index * 7919) % (OPERATIONS / 2) });
  // Both processes compile their code while they warm up.
  await timed(OPERATIONS, IN_FLIGHT, upsert);
  print(`upserts, ${IN_FLIGHT} in flight: ${perSecond(OPERATIONS, await timed(OPERATIONS, IN_FLIGHT, upsert))} (wanted: 8,000/s)`);
  await timed(OPERATIONS, IN_FLIGHT, find);
  print(`find by _id, ${IN_FLIGHT} in flight: ${perSecond(OPERATIONS, await timed(OPERATIONS, IN_FLIGHT, find))} (wanted: 5,000/s)`);
  print(`find by _id, one in flight: ${perSecond(OPERATIONS / 4, await timed(OPERATIONS / 4, 1, find))}`);
}

async function fill(rows: Collection<Row>, count: number, make: (index: number) => Row): Promise<number> {
  return timed(count / BATCH, 1, (batch) => rows.insertMany(Array.from({ length: BATCH }, (_, at) => make(batch * BATCH + at))));
}

async function ranges(rows: Collection<Row>, print: Print): Promise<void> {
  await rows.createIndexes([{ key: { value: 1 } }, { key: { group: 1, value: -1 } }]);
  await fill(rows, RANGE_DOCUMENTS, (_id) => ({ _id, value: (_id * 7919) % RANGE_DOCUMENTS, group: _id % 1000, name: `document ${_id}` }));
  const rounds = 500;
  const took = await timed(rounds, 1, async (index) => {
    const from = (index * 199) % (RANGE_DOCUMENTS - RANGE);
    const found = await rows.find({ value: { $gte: from, $lt: from + RANGE } }).toArray();
    if (found.length !== RANGE) throw new Error(`a range of ${RANGE} gave ${found.length} documents`);
  });
  print(`an indexed range of ${RANGE} in ${RANGE_DOCUMENTS.toLocaleString('en')}: ${(took / rounds).toFixed(2)} ms (wanted: 3 ms)`);
  const sorted = await timed(rounds, 1, (index) => rows.find({ group: index }).sort({ value: -1 }).limit(20).toArray());
  print(`equality, sort and limit 20 on a compound index: ${(sorted / rounds).toFixed(2)} ms`);
  const all = await timed(1, 1, () => rows.find().toArray());
  print(`a full read of ${RANGE_DOCUMENTS.toLocaleString('en')}: ${(all / 1000).toFixed(2)} s`);
}

async function bulk(rows: Collection<Row>, print: Print): Promise<void> {
  await rows.createIndex({ owner: 1 });
  const rounds = 50;
  const batch = (round: number) =>
    rows.bulkWrite(
      Array.from({ length: BULK }, (_, at) => ({
        updateOne: { filter: { _id: (round % 10) * BULK + at }, update: { $set: { owner: `owner-${at % 10}`, round } }, upsert: true },
      })),
    );
  print(`bulkWrite of ${BULK.toLocaleString('en')} upserts: ${perSecond(rounds, await timed(rounds, 1, batch))} (wanted: 50/s)`);
}

async function graph(rows: Collection<Row>, print: Print): Promise<void> {
  await rows.createIndex({ parent: 1 });
  await fill(rows, GRAPH_NODES, (_id) => ({ _id, parent: _id === 0 ? null : Math.floor((_id - 1) / 3) }));
  const search = [
    { $match: { _id: 0 } },
    { $graphLookup: { from: rows.collectionName, startWith: '$_id', connectFromField: '_id', connectToField: 'parent', as: 'reached' } },
    { $project: { reached: { $size: '$reached' } } },
  ];
  const rounds = 10;
  const took = await timed(rounds, 1, async () => {
    const [found] = await rows.aggregate(search).toArray();
    if (found?.['reached'] !== GRAPH_NODES - 1) throw new Error(`$graphLookup reached ${String(found?.['reached'])} of ${GRAPH_NODES - 1}`);
  });
  print(`$graphLookup over ${GRAPH_NODES.toLocaleString('en')} documents: ${(took / rounds).toFixed(0)} ms (wanted: 40 ms)`);
}

async function million(rows: Collection<Row>, server: ServerUnderTest, print: Print): Promise<void> {
  const took = await fill(rows, MILLION, (_id) => ({ _id, owner: `owner-${_id % 1000}`, size: _id, state: 'ready' }));
  await timed(OPERATIONS / 4, IN_FLIGHT, (index) => rows.findOne({ _id: (index * 7919) % MILLION }));
  print(`inserts in batches of ${BATCH.toLocaleString('en')}: ${perSecond(MILLION, took)}`);
  const memory = await server.memory();
  const megabytes = memory === undefined ? 'not known on this system' : `${Math.round(memory / 1024 ** 2)} MB`;
  print(`memory with 1,000,000 small documents on disk: ${megabytes} (wanted: under 300 MB)`);
}
