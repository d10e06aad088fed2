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
const pass = (gate: ProviderGate, call: GateCall, outcome: JobOutcome) => {
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
});
