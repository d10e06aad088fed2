import 'reflect-metadata';
import { HostConfig, loadConfig, StoresConfig } from '@ferry/service-host';
import { ProvidersConfig } from '@ferry/service-host/providers';
import { globSync } from 'node:fs';
import { CacheManagerConfig } from '../../../apps/cache-manager/src/cache-manager.config';
import { GatewayConfig } from '../../../apps/gateway/src/gateway.config';
import { PixverseSettings } from '../../../apps/provider-pixverse/src/pixverse.settings';
import { SoraSettings } from '../../../apps/provider-sora/src/sora.settings';
import { TransferConfig } from '../../../apps/transfer/src/transfer.config';
import { ProviderHostSettings } from '../../../libs/provider-sdk/src/provider-settings';
import { composeVariables, environmentOf, exampleEnvironment, readCompose, ROOT, type ComposeService } from './compose';

type Configuration = new () => object;

/** What each service validates at its start. */
const CONFIGURATIONS: Readonly<Record<string, readonly Configuration[]>> = {
  gateway: [HostConfig, ProvidersConfig, GatewayConfig],
  'asset-catalog': [HostConfig, StoresConfig, ProvidersConfig],
  transfer: [HostConfig, StoresConfig, ProvidersConfig, TransferConfig],
  lineage: [HostConfig, StoresConfig],
  'cache-manager': [HostConfig, ProvidersConfig, CacheManagerConfig],
  'provider-pixverse': [HostConfig, ProviderHostSettings, PixverseSettings],
  'provider-sora': [HostConfig, ProviderHostSettings, SoraSettings],
};
const ACCOUNTS_FILE = /^[A-Z]+_ACCOUNTS_FILE$/;
const SECRET = 'a-secret-of-at-least-thirty-two-characters';

const { services, volumes, secrets } = readCompose({ ...exampleEnvironment(), CACHE_URL_SECRET: SECRET });
const all = Object.entries(services);
const ours = all.filter(([, { image }]) => image === 'ferry');

describe('docker-compose.yml', () => {
  it('runs every app, each by its name', () => {
    const apps = globSync('apps/*/src/main.ts', { cwd: ROOT }).map((file) => file.split('/')[1]);
    expect(ours.map(([, { command }]) => command).sort()).toEqual(apps.sort().map((app) => [app]));
    expect(ours.every(([name, { command }]) => command?.[0] === name)).toBe(true);
  });

  it.each(ours)('gives %s an environment that it accepts, and nothing that it does not read', (name, service: ComposeService) => {
    const env = environmentOf(service);
    const types = CONFIGURATIONS[name]!;
    for (const type of types) expect(() => loadConfig(type, env)).not.toThrow();
    const known = types.flatMap((type) => Object.keys(new type()));
    expect(Object.keys(env).filter((variable) => !known.includes(variable) && !ACCOUNTS_FILE.test(variable))).toEqual([]);
  });

  it('gives each adapter an accounts file, and every file comes as a secret', () => {
    for (const [name, service] of ours) {
      const files = Object.entries(environmentOf(service)).filter(([, value]) => value.startsWith('/run/secrets/'));
      expect(files.map(([, value]) => value.slice('/run/secrets/'.length))).toEqual(service.secrets ?? []);
      if (name.startsWith('provider-')) expect(files.map(([variable]) => variable)).toEqual([`${name.slice('provider-'.length).toUpperCase()}_ACCOUNTS_FILE`]);
      for (const secret of service.secrets ?? []) expect(secrets[secret]?.file).toMatch(/^\.\/docker\/secrets\//);
    }
  });

  it('shows nothing but the API, and that to this machine alone', () => {
    expect(all.flatMap(([, { ports = [] }]) => ports)).toEqual(['127.0.0.1:4000:4000']);
    expect(all.filter(([, { network_mode: mode }]) => mode !== undefined)).toEqual([]);
  });

  it('waits for servers that are there and have a health check', () => {
    const awaited = ours.flatMap(([, { depends_on: needs = {} }]) => Object.entries(needs));
    expect(awaited.length).toBeGreaterThan(ours.length);
    for (const [server, { condition }] of awaited) {
      expect(condition).toBe('service_healthy');
      expect(services[server]?.healthcheck).toBeDefined();
    }
  });

  it('keeps events, documents and files in volumes', () => {
    const used = all.flatMap(([, service]) => service.volumes ?? []).map((volume) => volume.split(':')[0]);
    expect(used.sort()).toEqual(Object.keys(volumes).sort());
    expect(used).toHaveLength(3);
  });

  it('says what to do where the secret is missing', () => {
    expect(() => readCompose({})).toThrow('Set CACHE_URL_SECRET in .env');
  });

  it('reads no variable that docker/.env.example does not explain, and the other way round', () => {
    expect(composeVariables()).toEqual(Object.keys(exampleEnvironment()).sort());
  });
});
