import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FerryClient, ProblemError, Vendors, type Counters, type Problem, type Seeded } from '@ferry/demo';
import { buildWorkspace, startSystem, type ServerKind, type ServiceName, type System } from '@ferry/devstack';
import type { Fault } from '@ferry/provider-simulator';
import { eventually, tempDir, type TempDir } from '@ferry/testing/specs';

const OTHER_KEY = 'key-of-another-owner';
/** New in each run: servers that the environment names hold the assets of earlier ones. */
const OTHER_OWNER = `owner-${randomUUID()}`;
const UNKNOWN_ASSET = '00000000-0000-5000-8000-000000000000';
const STARTS_WITHIN_MS = 60_000;

let folder: TempDir;
let system: System;
let ferry: FerryClient;
let vendors: Vendors;

const start = async () => {
  const env = { TRANSFER_BACKOFF_MS: '20' };
  system = await startSystem({ dataDir: join(folder.path, 'data'), ports: { gateway: 0 }, env, quiet: true });
  ferry = new FerryClient(system.gatewayUrl, system.apiKey);
  vendors = new Vendors(system.urls.simulator);
};

beforeAll(async () => {
  buildWorkspace();
  folder = await tempDir('ferry-e2e-');
  await mkdir(join(folder.path, 'data'));
  const sha256 = createHash('sha256').update(OTHER_KEY).digest('hex');
  await writeFile(join(folder.path, 'data', 'api-keys.json'), JSON.stringify([{ name: 'other', sha256, owner: OTHER_OWNER, scopes: [] }]));
  await start();
}, STARTS_WITHIN_MS);

afterAll(async () => {
  await system?.stop();
  await folder.remove();
}, 10_000);

afterEach(() => vendors.clearFaults());

/** A PixVerse video that nobody has asked for yet. */
const newVideo = async (): Promise<{ assetId: string; seeded: Seeded }> => {
  const seeded = await vendors.seed('pixverse', 'video', 'pixverse-harbour.mp4');
  const origin = { providerId: 'pixverse', forms: { id: seeded.id, idType: 'video', url: seeded.url } };
  const { assetId } = await ferry.register({ kind: 'video', origin, declared: { mimeType: 'video/mp4' } });
  return { assetId, seeded };
};

const problemOf = async (call: Promise<unknown>): Promise<Problem> => {
  try {
    await call;
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
  throw new Error('It was not refused.');
};

const moved = async (since?: Counters) => {
  const now = await vendors.counters();
  const both = (count: 'requests' | 'uploads' | 'downloads') =>
    now.pixverse[count] + now.openai[count] - (since ? since.pixverse[count] + since.openai[count] : 0);
  return { requests: both('requests'), uploads: both('uploads'), downloads: both('downloads') };
};

const eventTypes = async (assetId: string): Promise<string[]> => (await ferry.history(assetId)).events.map(({ type }) => type);

describe('the journey', () => {
  it('PixVerse to Sora, once; a job there; back to PixVerse; lineage', async () => {
    const before = await vendors.counters();
    const { assetId, seeded } = await newVideo();
    const toSora = await ferry.resolve(assetId, 'sora');
    expect(toSora.reference).toMatchObject({ providerId: 'sora', accountId: 'sora-main', variant: 'character' });
    const { localPath, content } = await ferry.asset(assetId);
    const cached = await readFile(join(system.dataDir, 'cache', localPath!));
    expect(createHash('sha256').update(cached).digest('hex')).toBe(seeded.sha256);
    expect(content).toMatchObject({ sha256: seeded.sha256, sizeBytes: seeded.sizeBytes, mimeType: 'video/mp4', width: 1280, height: 720 });

    const settled = await vendors.counters();
    expect(await ferry.resolve(assetId, 'sora')).toMatchObject({ source: 'cached', reference: { referenceId: toSora.reference.referenceId } });
    expect((await moved(settled)).requests).toBe(0);

    const videoId = await vendors.makeSoraVideo('A lighthouse', toSora.reference.forms.id!);
    const { assetId: child } = await ferry.register({
      kind: 'video',
      origin: { providerId: 'sora', forms: { id: videoId, idType: 'video' } },
      parents: [{ parentAssetId: assetId, relationType: 'character', operationType: 'generate', sequenceOrder: 0 }],
    });
    expect(await ferry.resolve(child, 'sora')).toMatchObject({ source: 'native', reference: { variant: 'native', forms: { id: videoId } } });
    expect(await ferry.resolve(child, 'pixverse')).toMatchObject({ reference: { variant: 'media', accountId: 'pixverse-main' } });
    expect(await moved(before)).toMatchObject({ downloads: 2, uploads: 2 });
    await eventually(async () => expect((await ferry.lineage(assetId)).edges).toMatchObject([{ parentAssetId: assetId, childAssetId: child }]));
  }, 30_000);

  it('one download and one upload, however many ask at once', async () => {
    const before = await vendors.counters();
    const { assetId } = await newVideo();
    const answers = await Promise.all(Array.from({ length: 8 }, () => ferry.resolve(assetId, 'sora')));
    expect(new Set(answers.map(({ reference }) => reference.referenceId)).size).toBe(1);
    expect(await moved(before)).toMatchObject({ downloads: 1, uploads: 1 });
  }, 30_000);
});

describe('bad input', () => {
  it('an unknown asset', async () => {
    expect(await problemOf(ferry.asset(UNKNOWN_ASSET))).toMatchObject({ status: 404, code: 'UNKNOWN_ASSET' });
    expect(await problemOf(ferry.resolve(UNKNOWN_ASSET, 'sora'))).toMatchObject({ status: 404, code: 'UNKNOWN_ASSET' });
  });

  it('an unknown provider', async () => {
    const { assetId } = await newVideo();
    expect(await problemOf(ferry.resolve(assetId, 'nowhere'))).toMatchObject({ status: 404, code: 'UNKNOWN_PROVIDER' });
  });

  it.each([
    ['malformed JSON', '{"kind": "video", '],
    ['a missing origin', '{"kind": "video"}'],
    ['a field that does not exist', '{"kind":"video","origin":{"providerId":"pixverse","forms":{"id":"1","idType":"video"}},"colour":"red"}'],
  ])('%s', async (_name, rawBody) => {
    const answer = await ferry.send('POST', '/v1/assets', { rawBody });
    expect(answer).toMatchObject({ status: 400, contentType: expect.stringContaining('application/problem+json') });
    expect((answer.body as Problem).code).toMatch(/^[A-Z_]+$/);
  });

  it('no key, and a wrong one', async () => {
    for (const key of [undefined, 'ferry_dev_guessed']) {
      const answer = await new FerryClient(system.gatewayUrl, key).send('GET', '/v1/assets');
      expect(answer).toMatchObject({ status: 401, contentType: expect.stringContaining('application/problem+json') });
    }
  });

  it("another owner's key sees nothing", async () => {
    const { assetId } = await newVideo();
    const other = new FerryClient(system.gatewayUrl, OTHER_KEY);
    expect(await other.call('GET', '/v1/assets')).toMatchObject({ items: [] });
    const looks = [() => other.asset(assetId), () => other.history(assetId), () => other.lineage(assetId), () => other.resolve(assetId, 'sora')];
    for (const look of looks) {
      expect(await problemOf(look())).toMatchObject({ status: 404, code: 'UNKNOWN_ASSET' });
    }
  });

  it('a file that the target cannot take, before a byte moves', async () => {
    const { id, url, sizeBytes } = await vendors.seed('pixverse', 'audio', 'pixverse-voice.mp3');
    const { assetId } = await ferry.register({
      kind: 'audio',
      origin: { providerId: 'pixverse', forms: { id, idType: 'media', url } },
      declared: { mimeType: 'audio/mpeg', sizeBytes },
    });
    const before = await vendors.counters();
    const problem = await problemOf(ferry.resolve(assetId, 'sora'));
    expect(problem).toMatchObject({ status: 422, code: 'TARGET_LIMITS' });
    expect(problem.details?.violations).not.toHaveLength(0);
    expect((await moved(before)).requests).toBe(0);
  });
});

describe('an origin that fails', () => {
  const FAULTS: [string, Omit<Fault, 'provider' | 'operation'>][] = [
    ['404', { status: 404 }],
    ['an HTML error page', { html: true }],
    ['a truncated body', { truncateAt: 100_000 }],
  ];

  it.each(FAULTS)('%s: a stable error, nothing in the cache, and the events say so', async (_name, fault) => {
    const { assetId } = await newVideo();
    await vendors.fault({ provider: 'pixverse', operation: 'media-download', ...fault });
    const problem = await problemOf(ferry.resolve(assetId, 'sora'));
    expect(problem).toMatchObject({ status: 502, code: 'TRANSFER_FAILED', details: { kind: expect.any(String) } });

    const types = await eventTypes(assetId);
    expect(types).toEqual(expect.arrayContaining(['DownloadStarted', 'DownloadFailed', 'TransferFailed']));
    expect(types).not.toContain('FileCached');
    expect(existsSync(join(system.dataDir, 'cache', 'assets', assetId))).toBe(false);
    const files = await readdir(join(system.dataDir, 'cache'), { recursive: true, withFileTypes: true });
    expect(files.filter((file) => file.isFile() && /te?mp|part/.test(join(file.parentPath, file.name).slice(system.dataDir.length)))).toEqual([]);
  }, 30_000);
});

/** Asks for a transfer whose upload takes about two seconds, and returns when its bytes flow. */
const slowTransfer = async () => {
  const { assetId } = await newVideo();
  const before = await vendors.counters();
  await vendors.fault({ provider: 'openai', operation: 'character-create', times: 1, bytesPerSecond: 300_000 });
  await ferry.send('PUT', `/v1/assets/${assetId}/provider-urls/sora`, { body: {} });
  await eventually(async () => expect((await vendors.counters()).openai.bytesIn).toBeGreaterThan(before.openai.bytesIn));
  return { assetId, before };
};

describe('a service that is killed', () => {
  it('transfer, in mid-transfer: started again, it finishes the transfer with one upload', async () => {
    const { assetId, before } = await slowTransfer();
    const { transfer } = system.processes;
    const { restarts } = transfer!;
    transfer!.kill('SIGKILL');
    await eventually(() => expect(transfer!.restarts).toBe(restarts + 1));
    await transfer!.ready();
    expect(await eventually(() => ferry.resolve(assetId, 'sora'), { timeoutMs: 40_000 })).toMatchObject({ reference: { variant: 'character' } });
    expect(await moved(before)).toMatchObject({ uploads: 1, downloads: 1 });
    const types = await eventTypes(assetId);
    expect(types.filter((type) => type === 'TransferClaimed')).toHaveLength(2);
    expect(types.filter((type) => type === 'UploadCompleted')).toHaveLength(1);
  }, 60_000);
});

const readiness = async (name: ServiceName) => {
  const response = await fetch(system.urls.readyz[name]);
  return { status: response.status, body: await response.text() };
};

/** A busy machine needs its time; a failure shows what the service says. */
const answers = (name: ServiceName, status: number) =>
  eventually(async () => expect(await readiness(name)).toEqual({ status, body: expect.any(String) }), { timeoutMs: 30_000 });

/** The same before and after: no service had to be started again. */
const servicePids = () => Object.keys(system.urls.readyz).map((name) => [name, system.processes[name]!.pid]);

const NEEDED_BY: [ServerKind, string, readonly ServiceName[]][] = [
  ['nats', 'NATS_URL', ['gateway', 'asset-catalog', 'transfer', 'lineage', 'cache-manager', 'provider-pixverse', 'provider-sora']],
  ['eventstore', 'EVENTSTORE_URL', ['asset-catalog', 'transfer', 'lineage', 'cache-manager']],
  ['mongodb', 'MONGODB_URL', ['asset-catalog', 'lineage']],
];

describe('a server that goes away under the running system', () => {
  // A server that somebody else runs is not ours to stop.
  for (const [server, variable, services] of NEEDED_BY.filter(([, variable]) => !process.env[variable])) {
    it(`${server}: /readyz says so meanwhile, everything reconnects, and what was asked for before ends well (no ${variable})`, async () => {
      const { assetId, before } = await slowTransfer();
      const pids = servicePids();
      await system.processes[server]!.takeDown();
      for (const name of services) await answers(name, 503);
      await system.processes[server]!.restart();
      for (const name of services) await answers(name, 200);
      expect(await eventually(() => ferry.resolve(assetId, 'sora'), { timeoutMs: 40_000 })).toMatchObject({ reference: { variant: 'character' } });
      expect(await moved(before)).toMatchObject({ uploads: 1 });
      const { assetId: later } = await newVideo();
      expect(await ferry.resolve(later, 'sora')).toMatchObject({ reference: { variant: 'character' } });
      expect(servicePids()).toEqual(pids);
    }, 150_000);
  }
});

describe('the whole system', () => {
  it('goes on where it was after a stop and a start', async () => {
    const { assetId } = await newVideo();
    const { reference } = await ferry.resolve(assetId, 'sora');
    const asked = performance.now();
    await system.stop();
    expect(performance.now() - asked).toBeLessThan(5_000);
    await start();
    const before = await vendors.counters();
    expect(await ferry.resolve(assetId, 'sora')).toMatchObject({ source: 'cached', reference: { referenceId: reference.referenceId } });
    expect(await moved(before)).toEqual({ requests: 0, uploads: 0, downloads: 0 });
    expect(await ferry.asset(assetId)).toMatchObject({ status: 'verified' });
  }, STARTS_WITHIN_MS);
});
