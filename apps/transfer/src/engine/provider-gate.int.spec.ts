import { Permits } from '@ferry/coordination';
import { createLogger } from '@ferry/observability';
import { mongoServer, type TestServer } from '@ferry/testing/servers';
import { tempDir, type TempDir } from '@ferry/testing/specs';
import { MongoClient, type Db } from 'mongodb';
import { randomUUID } from 'node:crypto';
import { TransferConfig } from '../transfer.config';
import { ProviderGate, type GateCall } from './provider-gate';
import type { JobOutcome } from './provider-jobs';
import { Slots } from './slots';

const RETRIES = 4;
const KEY = 'p.c.upload';
const config = Object.assign(new TransferConfig(), { TRANSFER_RETRIES_PER_MINUTE: RETRIES });
const never = new AbortController().signal;
let folder: TempDir;
let server: TestServer;
let client: MongoClient;
const open: ProviderGate[] = [];

beforeAll(async () => {
  folder = await tempDir('ferry-gate-');
  server = await mongoServer(folder.path);
  client = new MongoClient(server.url);
});
afterEach(() => {
  for (const gate of open.splice(0)) gate.onModuleDestroy();
});
afterAll(async () => {
  await client?.close();
  await server?.stop();
  await folder?.remove();
});

const database = (): Db => client.db(`gate-${randomUUID()}`);
const replica = (db: Db): ProviderGate => {
  const gate = new ProviderGate(config, new Permits(db, randomUUID(), createLogger('spec')), new Slots(config, 'me'));
  open.push(gate);
  return gate;
};
const callOf = (runId: string, attempt = 1): GateCall => ({ providerId: 'p', key: KEY, owner: 'o', runId, attempt, rank: 0, urgent: false });
const pass = async (gate: ProviderGate, call: GateCall, outcome: JobOutcome) => {
  gate.check(call);
  return gate.pass({ ...call, limits: { concurrency: 40 } }, never, () => Promise.resolve(outcome));
};
const failed = (error: { kind: string; ours?: true; retryAfterMs?: number }): JobOutcome =>
  ({ status: 'failed', jobId: 'j', bytes: 0, error: { message: 'No.', retryable: true, ...error } }) as JobOutcome;

describe('the gate of a provider', () => {
  it.each(['unavailable', 'throttled'])('waits with all replicas where a provider that is %s says how long', async (kind) => {
    const db = database();
    const [one, other] = [replica(db), replica(db)];
    await pass(one, callOf('r1'), failed({ kind, retryAfterMs: 60_000 }));
    expect(Date.parse(one.pausedUntil(KEY)!)).toBeGreaterThan(Date.now() + 50_000);
    await expect(pass(other, callOf('r2'), failed({ kind }))).rejects.toMatchObject({ code: 'THROTTLED', details: { key: KEY, retryAfter: expect.any(String) } });
  });

  it('does not take a pause of Ferry’s own parts for the provider’s', async () => {
    const gate = replica(database());
    await pass(gate, callOf('r1'), failed({ kind: 'throttled', ours: true, retryAfterMs: 60_000 }));
    expect(gate.pausedUntil(KEY)).toBeUndefined();
  });

  it('lets no more retries through than there is budget for, however many waited for a permit at once', async () => {
    const gate = replica(database());
    const runs = Array.from({ length: 30 }, (_, run) => pass(gate, callOf(`r${run}`, 2), failed({ kind: 'not-found' })));
    const ends = await Promise.allSettled(runs);
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(RETRIES);
    const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as Error] : []));
    expect(new Set(refused.map(({ name }) => name))).toEqual(new Set(['NotYet']));
    expect(gate.permitCounts()).toEqual([{ key: KEY, inUse: 0, waiting: 0 }]);
    await expect(pass(gate, callOf('new'), failed({ kind: 'not-found' }))).resolves.toMatchObject({ status: 'failed' });
  });

  it.each<[string, JobOutcome, string]>([
    ['an adapter that is gone', { status: 'gone', connected: false }, 'open'],
    ['a full cache', failed({ kind: 'cache-full' }), 'open'],
    ['a source that broke off', failed({ kind: 'source-broken' }), 'open'],
    ['a refusal of Ferry’s own', failed({ kind: 'throttled', ours: true }), 'open'],
    ['a refusal of the provider', failed({ kind: 'not-found' }), 'closed'],
  ])('counts %s as an answer of the provider only where it is one', async (_, outcome, state) => {
    const gate = replica(database());
    for (let run = 0; run < 10; run += 1) await pass(gate, callOf(`other-${run}`), outcome);
    for (let run = 0; run < config.TRANSFER_BREAKER_CALLS; run += 1) await pass(gate, callOf(`sick-${run}`), failed({ kind: 'unavailable' }));
    expect(gate.breakerStates()).toEqual([{ key: KEY, state }]);
  });
});
