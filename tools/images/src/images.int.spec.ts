import { startServers, type Servers } from '@ferry/testing/servers';
import { eventually, spawnTs, tempDir, type SpawnedProgram } from '@ferry/testing/specs';
import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environmentOf, exampleEnvironment, readCompose, ROOT } from './compose';

const KEY = 'a-key-of-this-test';
/** Its own: servers that the environment names may hold the assets of earlier runs. */
const OWNER = `owner-${randomUUID()}`;
const READY_MS = 40_000;
const { services } = readCompose({ ...exampleEnvironment(), CACHE_URL_SECRET: 'a-secret-of-at-least-thirty-two-characters' });
const names = Object.keys(services).filter((name) => services[name]!.image === 'ferry');

/** What docker/Dockerfile puts into the image, in a folder from which the packages are found. */
const layOut = (): string => {
  mkdirSync(join(ROOT, 'tmp'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, 'tmp/image-'));
  for (const file of ['service.js', 'healthcheck.js']) copyFileSync(join(ROOT, 'docker', file), join(folder, file));
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'tools/images/bundle.js'), join(folder, 'services')], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return folder;
};

describe('the services as the image runs them', () => {
  let image: string;
  let servers: Servers;
  let data: Awaited<ReturnType<typeof tempDir>>;
  const running = new Map<string, { readonly program: SpawnedProgram; readonly url: string }>();

  /** As in docker-compose.yml, but for addresses, folders and files of this test. */
  const environment = (name: string): Record<string, string> => {
    const here: Record<string, string> = {
      ...servers.urls,
      HTTP_PORT: '0',
      GATEWAY_HOST: '127.0.0.1',
      GATEWAY_PORT: '0',
      CACHE_DATA_HOST: '127.0.0.1',
      CACHE_DATA_PORT: '0',
      CACHE_DIR: join(data.path, 'cache'),
      API_KEYS_FILE: join(data.path, 'api-keys.json'),
      PIXVERSE_ACCOUNTS_FILE: join(data.path, 'accounts.json'),
      SORA_ACCOUNTS_FILE: join(data.path, 'accounts.json'),
    };
    return Object.fromEntries(Object.entries({ HTTP_PORT: '0', ...environmentOf(services[name]!) }).map(([variable, value]) => [variable, here[variable] ?? value]));
  };

  const start = async (name: string): Promise<void> => {
    const program = spawnTs(join(image, 'service.js'), [name], { EVENTSTORE_URL: '', MONGODB_URL: '', ...environment(name) });
    running.set(name, { program, url: '' });
    const [, url] = await program.waitForLine(/"http":"([^"]+)".*"msg":"ready"/, READY_MS);
    running.set(name, { program, url: url! });
  };

  beforeAll(async () => {
    image = layOut();
    servers = await startServers();
    data = await tempDir('ferry-image-');
    const sha256 = createHash('sha256').update(KEY).digest('hex');
    writeFileSync(join(data.path, 'api-keys.json'), JSON.stringify([{ name: 'test', sha256, owner: OWNER }]));
    writeFileSync(join(data.path, 'accounts.json'), JSON.stringify([{ accountId: 'main', apiKey: 'none', owners: [OWNER] }]));
    await Promise.all(names.map(start));
  }, 90_000);

  afterAll(async () => {
    await Promise.all([...running.values()].map(({ program }) => program.kill()));
    await servers.close();
    await data.remove();
    rmSync(image, { recursive: true, force: true });
  });

  it('are healthy, by the image\'s own check', () => {
    for (const [name, { url }] of running) {
      const check = spawnSync(process.execPath, [join(image, 'healthcheck.js')], { encoding: 'utf8', env: { HTTP_PORT: new URL(url).port } });
      expect([name, check.stderr, check.status]).toEqual([name, '', 0]);
    }
  });

  it('find each other: the gateway gets both adapters\' answers over NATS', async () => {
    const response = await fetch(`${running.get('gateway')!.url}/v1/providers`, { headers: { authorization: `Bearer ${KEY}` } });
    const { items } = (await response.json()) as { items: { providerId: string; available: boolean }[] };
    expect(items.map(({ providerId, available }) => [providerId, available])).toEqual([['pixverse', true], ['sora', true]]);
  });

  it('reach the stores: an asset is registered, and read again from the read model', async () => {
    const { url } = running.get('gateway')!;
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ kind: 'video', origin: { providerId: 'pixverse', forms: { id: '1', idType: 'video' } } });
    const registered = await fetch(`${url}/v1/assets`, { method: 'POST', headers, body });
    const { assetId } = (await registered.json()) as { assetId: string };
    const list = () => fetch(`${url}/v1/assets`, { headers: { ...headers, 'ferry-at-least': registered.headers.get('ferry-token')! } });
    // An event store that the environment names has a history, which the new read models read first.
    const expected = { items: [{ assetId, owner: OWNER, status: 'registered' }] };
    await eventually(async () => expect(await (await list()).json()).toMatchObject(expected), { timeoutMs: READY_MS });
  });

  it('refuse a name that is none, and name those that are', () => {
    const { status, stderr } = spawnSync(process.execPath, [join(image, 'service.js'), 'web'], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([2, `Name one service: ${[...names].sort().join(', ')}.\n`]);
  });

  it('are not healthy where nothing listens', () => {
    const check = spawnSync(process.execPath, [join(image, 'healthcheck.js')], { encoding: 'utf8', env: { HTTP_PORT: '1', GATEWAY_PORT: '1' } });
    expect(check.status).toBe(1);
  });
});
