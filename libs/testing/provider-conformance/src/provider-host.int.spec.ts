import { randomUUID } from 'node:crypto';
import { providerSubjects, releaseSubject, ReleaseRequest, type JobCommand, type JobStatus, type ProviderCapabilities } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import { Messaging } from '@ferry/messaging';
import { createLogger } from '@ferry/observability';
import { natsServer, type TestServer } from '@ferry/testing/servers';
import { startSimulator, type Counts, type Simulator } from '@ferry/provider-simulator';
import { eventually, spawnTs, tempDir, type SpawnedProgram, type TempDir } from '@ferry/testing/specs';
import { DataPlanePeer } from './data-plane-peer';
import { fixture, sha256 } from './media-file';

const KEY = 'hosted-secret-key-0123456789';
const MAIN = 'apps/provider-pixverse/src/main.ts';
const subjects = providerSubjects('pixverse');
const harbour = fixture('pixverse-harbour.mp4');
const timeoutMs = 5_000;

describe('an adapter as a service', () => {
  let directory: TempDir;
  let nats: TestServer;
  let simulator: Simulator;
  let dataPlane: DataPlanePeer;
  let messaging: Messaging;
  let replicas: SpawnedProgram[] = [];

  const environment = (): NodeJS.ProcessEnv => ({
    NATS_URL: nats.url,
    LOG_LEVEL: 'info',
    PIXVERSE_BASE_URL: simulator.pixverseUrl,
    PIXVERSE_ACCOUNTS: JSON.stringify([{ accountId: 'main', apiKey: KEY, owners: ['dev'] }, { accountId: 'other', apiKey: KEY, owners: ['eve', 'dan'] }]),
    FERRY_DATA_HOSTS: dataPlane.host,
    ALLOWED_DOWNLOAD_HOSTS: new URL(simulator.pixverseUrl).host,
  });

  const control = async <T extends object>(method: string, path: string, body?: object): Promise<T> => {
    const init = body ? { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : { method };
    return (await (await fetch(`${simulator.controlUrl}/${path}`, init)).json()) as T;
  };
  const counts = async () => (await control<{ pixverse: Counts }>('GET', 'counters')).pixverse;

  beforeAll(async () => {
    directory = await tempDir('ferry-host-');
    nats = await natsServer();
    simulator = await startSimulator({ dataDir: directory.path });
    dataPlane = await DataPlanePeer.start();
    messaging = await Messaging.connect({ url: nats.url, name: 'spec', logger: createLogger('spec') });
    replicas = [spawnTs(MAIN, [], environment()), spawnTs(MAIN, [], environment())];
    await Promise.all(replicas.map((replica) => replica.waitForLine(/"ready"/, 60_000)));
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.kill('SIGKILL')));
    await messaging.close();
    await Promise.all([dataPlane.close(), simulator.close(), nats.stop()]);
    await directory.remove();
  });
  beforeEach(async () => {
    await control('DELETE', 'faults');
    await control('DELETE', 'counters');
    dataPlane.refusal = undefined;
    dataPlane.puts.length = 0;
    dataPlane.brokenPuts = 0;
    dataPlane.file = harbour.bytes;
  });

  const request = <More extends object>(more: More) => ({
    ...{ jobId: randomUUID(), owner: 'dev', accountId: 'main', runId: `${randomUUID()}-1`, attempt: 1 },
    ...{ deadlineAt: new Date(Date.now() + 20_000).toISOString(), ...more },
  });
  const start = (job: object) => messaging.request<JobStatus>(subjects.start, job, { timeoutMs });
  const command = (runId: string, operation: JobCommand['operation'], waitMs = 4_000) =>
    messaging.request<JobStatus>(subjects.job(runId, 1), { operation, waitMs }, { timeoutMs });
  const run = async (job: { runId: string }): Promise<JobStatus> => {
    await start(job);
    return command(job.runId, 'join');
  };

  const download = async (origin: object = {}) => {
    const { id } = await control<{ id: string }>('POST', 'seed', { provider: 'pixverse', fixture: 'pixverse-harbour.mp4' });
    return request({ download: { forms: { id, idType: 'video', ...origin }, kind: 'video', putUrl: `http://${dataPlane.host}/put` } });
  };
  const upload = (more: object = {}) =>
    request({
      upload: {
        ...{ variant: 'media', getUrl: `http://${dataPlane.host}/get`, filename: 'ferry-x.mp4', kind: 'video', mimeType: 'video/mp4' },
        ...{ sizeBytes: harbour.bytes.length, sha256: sha256(harbour.bytes), ...more },
      },
    });

  it('says what it can, and whose the accounts are', async () => {
    expect(await messaging.request<ProviderCapabilities>(subjects.describe, {}, { timeoutMs })).toMatchObject({ providerId: 'pixverse' });
    expect(await messaging.request(subjects.authorize, { owner: 'dev' }, { timeoutMs })).toEqual({ accountId: 'main', shared: false });
    expect(await messaging.request(subjects.authorize, { owner: 'eve' }, { timeoutMs })).toEqual({ accountId: 'other', shared: true });
    await expect(messaging.request(subjects.authorize, { owner: 'dev', accountId: 'other' }, { timeoutMs })).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT' });
    await expect(messaging.request(subjects.authorize, { owner: 'a b' }, { timeoutMs })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('refuses by name what its vendor does not offer, and tells of a reference what is known', async () => {
    const who = { owner: 'dev', accountId: 'main' };
    const ask = (subject: string, more: object) => messaging.request(subject, { ...who, ...more }, { timeoutMs });
    await expect(ask(subjects.findUpload, { variant: 'media', marker: 'ferry-x-1' })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(ask(subjects.deleteUpload, { forms: { id: '1', idType: 'media' } })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(ask(subjects.checkReference, { accountId: 'other', forms: { id: '1', idType: 'media' } })).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT' });
    expect(await ask(subjects.checkReference, { forms: { id: '1', idType: 'media' } })).toMatchObject({ state: 'unknown', reason: expect.any(String) as string });
    await control('POST', 'faults', { provider: 'pixverse', operation: 'video-result', code: 500044, times: 1 });
    const busy = ask(subjects.checkReference, { forms: { id: '1', idType: 'video' } });
    await expect(busy).rejects.toMatchObject({ code: 'PROVIDER_CALL_FAILED', category: 'throttled', details: { kind: 'throttled' } });
  });

  it('moves a vendor’s file into the cache, with its length', async () => {
    const status = await run(await download());
    expect(status).toMatchObject({ status: 'succeeded', bytes: harbour.bytes.length, download: { sha256: sha256(harbour.bytes) } });
    expect(dataPlane.puts).toEqual([{ announced: String(harbour.bytes.length), mimeType: 'video/mp4', sizeBytes: harbour.bytes.length, sha256: sha256(harbour.bytes) }]);
  });

  it.each([
    ['truncated file', { truncateAt: 300_000 }, { kind: 'protocol', code: 'CONTENT_TRUNCATED' }, 1],
    ['truncated file of unknown length', { truncateAt: 300_000, unknownLength: true }, { kind: 'protocol', code: 'CONTENT_TRUNCATED' }, 1],
    ['HTML page', { html: true }, { kind: 'protocol', code: 'CONTENT_TYPE_MISMATCH' }, 0],
    ['404', { status: 404 }, { kind: 'not-found' }, 0],
  ])('keeps nothing of a %s', async (_name, fault, error, broken) => {
    await control('POST', 'faults', { provider: 'pixverse', operation: 'media-download', ...fault });
    expect(await run(await download())).toMatchObject({ status: 'failed', error });
    await eventually(() => expect(dataPlane).toMatchObject({ puts: [], brokenPuts: broken }));
  });

  it.each([
    [507, 'CACHE_FULL', 'cache-full', false],
    [413, 'EXCEEDS_CACHE', 'cache-full', false],
    [409, 'CONTENT_CHANGED', 'content-changed', false],
    [422, 'CONTENT_TYPE_MISMATCH', 'protocol', true],
    [403, 'URL_EXPIRED', 'unavailable', true],
  ])('tells the cache’s %i %s as %s', async (status, code, kind, retryable) => {
    dataPlane.refusal = { status, code };
    const failed = await run(await download());
    expect(failed).toMatchObject({ status: 'failed', error: { kind, code, retryable } });
    expect(JSON.stringify(failed)).not.toContain('http://');
  });

  it('sends bytes to no host but the caches', async () => {
    const job = await download();
    const elsewhere = { ...job, download: { ...job.download, putUrl: 'http://127.0.0.1:1/put' } };
    expect(await run(elsewhere)).toMatchObject({ status: 'failed', error: { code: 'ADDRESS_REFUSED' } });
  });

  it('uploads once, after the release, however often and at whichever replica it is started', async () => {
    const job = upload();
    const asked: ReleaseRequest[] = [];
    const holder = messaging.respond(releaseSubject(job.runId), ReleaseRequest, async (question) => {
      asked.push(question);
      expect(await counts()).toMatchObject({ uploads: 0, open: 1 });
      return { released: true };
    });
    const first = await start(job);
    expect(first).toMatchObject({ jobId: job.jobId });
    for (let repeat = 0; repeat < 8; repeat += 1) expect(await start(job)).toMatchObject({ jobId: job.jobId });
    const status = await command(job.runId, 'join');
    expect(status).toMatchObject({ status: 'succeeded', upload: { forms: { id: expect.stringMatching(/^\d{16}$/) as string, idType: 'media' } } });
    expect(asked).toEqual([{ transferId: job.runId, attempt: 1, jobId: job.jobId, sizeBytes: harbour.bytes.length, sha256: sha256(harbour.bytes) }]);
    expect(await counts()).toMatchObject({ uploads: 1 });
    expect(await start(job)).toEqual(status);
    await expect(start({ ...job, jobId: 'another' })).rejects.toMatchObject({ code: 'JOB_CONFLICT' });
    holder.close();
  });

  it('commits nothing that is not released', async () => {
    const job = upload();
    const holder = messaging.respond(releaseSubject(job.runId), ReleaseRequest, () => Promise.reject(new FerryError('RUN_OVER', 'conflict', 'The run is over.')));
    expect(await run(job)).toMatchObject({ status: 'failed', error: { kind: 'not-released', code: 'RUN_OVER', retryable: false } });
    await eventually(async () => expect(await counts()).toMatchObject({ uploads: 0, open: 0 }));
    holder.close();
  });

  it('uploads no file of another length than the one that is known', async () => {
    dataPlane.file = harbour.bytes.subarray(1);
    expect(await run(upload())).toMatchObject({ status: 'failed', error: { kind: 'source-broken', code: 'CONTENT_LENGTH_MISMATCH' } });
    expect(await counts()).toMatchObject({ requests: 0 });
  });

  it('blames nobody but Ferry for bytes that break off on their way, and commits nothing of them', async () => {
    dataPlane.file = harbour.bytes;
    dataPlane.breakAfter = 300_000;
    try {
      expect(await run(upload())).toMatchObject({ status: 'failed', error: { kind: 'source-broken', retryable: true } });
    } finally {
      dataPlane.breakAfter = undefined;
    }
    await eventually(async () => expect(await counts()).toMatchObject({ uploads: 0, open: 0 }));
  });

  it('breaks off what is cancelled', async () => {
    await control('POST', 'faults', { provider: 'pixverse', operation: 'media-download', bytesPerSecond: 50_000 });
    const job = await download();
    await start(job);
    await eventually(async () => expect(await command(job.runId, 'join', 0)).toMatchObject({ status: 'running', bytes: expect.any(Number) as number }));
    await eventually(async () => expect(await counts()).toMatchObject({ open: 1, operations: { 'media-download': 1 } }));
    expect(await command(job.runId, 'cancel')).toMatchObject({ status: 'failed', error: { kind: 'cancelled' } });
    await eventually(async () => expect(await counts()).toMatchObject({ open: 0, aborted: 1 }));
    expect(dataPlane.puts).toEqual([]);
  });

  it.each([
    ['an account of somebody else', () => ({ accountId: 'other' }), 'UNKNOWN_ACCOUNT'],
    ['an upload beside the download', () => ({ upload: upload().upload }), 'VALIDATION_FAILED'],
    ['no work', () => ({ download: undefined }), 'VALIDATION_FAILED'],
    ['an attempt of zero', () => ({ attempt: 0 }), 'VALIDATION_FAILED'],
  ])('refuses %s', async (_name, more, code) => {
    await expect(start({ ...(await download()), ...more() })).rejects.toMatchObject({ code });
  });

  it.each([
    ['a variant that there is not', { variant: 'hologram' }],
    ['a kind that the variant does not take', { variant: 'image' }],
    ['a type that the variant does not take', { mimeType: 'video/x-matroska' }],
  ])('refuses %s before any byte moves', async (_name, more) => {
    await expect(start(upload(more))).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    expect(await counts()).toMatchObject({ requests: 0 });
  });

  it('has told no log a key or a link, and stops on SIGTERM at once', async () => {
    const started = performance.now();
    const exits = await Promise.all(replicas.map((replica) => replica.kill('SIGTERM')));
    expect(performance.now() - started).toBeLessThan(5_000);
    for (const { code, signal } of exits) expect([0, 'SIGTERM']).toContain(code ?? signal);
    for (const replica of replicas) expect(replica.output()).not.toMatch(new RegExp(`${KEY}|/openapi/v2/|/put|/get`));
  });

  it('does not start with a wrong configuration, and says what is wrong without showing a key', async () => {
    const wrong: [NodeJS.ProcessEnv, RegExp][] = [
      [{ PIXVERSE_ACCOUNTS: '' }, /Set either PIXVERSE_ACCOUNTS \(JSON\) or PIXVERSE_ACCOUNTS_FILE/],
      [{ PIXVERSE_ACCOUNTS: `[{"apiKey":"${KEY}"}]` }, /PIXVERSE_ACCOUNTS: account 1: accountId is missing/],
      [{ FERRY_DATA_HOSTS: 'everywhere' }, /FERRY_DATA_HOSTS: must be host:port pairs/],
      [{ PIXVERSE_BASE_URL: 'pixverse' }, /PIXVERSE_BASE_URL/],
    ];
    const started = wrong.map(([variables]) => spawnTs(MAIN, [], { ...environment(), ...variables }));
    for (const [index, replica] of started.entries()) {
      expect((await replica.exited).code).toBe(1);
      expect(replica.output()).toMatch(wrong[index]![1]);
      expect(replica.output()).not.toContain(KEY);
    }
  });
});
