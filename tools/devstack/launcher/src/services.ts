import type { DevelopmentKey } from './data-folder';
import { answersOk } from './readiness';
import type { ServerUrls } from './servers';
import type { Setting } from './setting';
import { providerEnvironment, simulatorUrls, withoutKeys } from './simulator';
import type { ProcessSpec } from './supervised-process';
import { compiledMain } from './workspace';

export const SERVICE_NAMES = ['asset-catalog', 'transfer', 'lineage', 'cache-manager', 'provider-pixverse', 'provider-sora', 'gateway'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

export interface ServiceParts {
  readonly servers: ServerUrls;
  readonly key: DevelopmentKey;
  readonly cacheUrlSecret: string;
}

/** Two hundred small videos: enough to try things, too little to fill a disk. CACHE_MAX_BYTES in the environment wins. */
const CACHE_MAX_BYTES = 2 * 1024 ** 3;
/** The machine may be small, and its disk nearly full. CACHE_MIN_FREE_BYTES in the environment wins. */
const CACHE_MIN_FREE_BYTES = 128 * 1024 ** 2;

/** The services with the environment that they also have in production, each on a port of its own on loopback. */
export function planServices(names: readonly ServiceName[], setting: Setting, parts: ServiceParts): ProcessSpec[] {
  return names.map((name) => ({
    name,
    nodeArgs: ['--enable-source-maps', compiledMain(`apps/${name}`)],
    env: { ...defaults(name, setting), ...withoutKeys(setting.env, vendorOf(name)), ...owned(name, setting, parts) },
    logFile: setting.folder.file('logs', `${name}.log`),
    isReady: () => answersOk(readyzUrl(name, setting)),
  }));
}

/** As in the names of its adapter's variables. */
const vendorOf = (name: ServiceName): string | undefined => /^provider-(.+)$/.exec(name)?.[1]?.toUpperCase().replaceAll('-', '_');

export const readyzUrl = (name: ServiceName, { ports }: Setting): string => `http://127.0.0.1:${ports[name]}/readyz`;

/** What the environment may say otherwise. */
function defaults(name: ServiceName, setting: Setting): NodeJS.ProcessEnv {
  const common = { LOG_LEVEL: 'info', FERRY_PROVIDERS: 'pixverse,sora' };
  const simulator = simulatorUrls(setting);
  switch (name) {
    case 'provider-pixverse':
      return { ...common, ...providerEnvironment('pixverse', simulator.pixverse, setting) };
    case 'provider-sora':
      return { ...common, ...providerEnvironment('sora', simulator.openai, setting) };
    case 'cache-manager':
      return { ...common, CACHE_MAX_BYTES: String(CACHE_MAX_BYTES), CACHE_MIN_FREE_BYTES: String(CACHE_MIN_FREE_BYTES), CACHE_NODE_ID: 'local' };
    default:
      return common;
  }
}

/** What holds this system together; nobody else says it. */
function owned(name: ServiceName, setting: Setting, { servers, key, cacheUrlSecret }: ServiceParts): NodeJS.ProcessEnv {
  const { folder, ports } = setting;
  const common = {
    NATS_URL: servers.nats,
    EVENTSTORE_URL: servers.eventstore,
    MONGODB_URL: servers.mongodb,
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: String(ports[name]),
    FERRY_DATA_HOSTS: `127.0.0.1:${ports['cache-data']}`,
  };
  switch (name) {
    case 'gateway':
      return { ...common, GATEWAY_HOST: '127.0.0.1', GATEWAY_PORT: String(ports.gateway), API_KEYS_FILE: key.keysFile };
    case 'cache-manager':
      return {
        ...common,
        CACHE_DIR: folder.file('cache'),
        CACHE_DATA_HOST: '127.0.0.1',
        CACHE_DATA_PORT: String(ports['cache-data']),
        CACHE_DATA_URL: `http://127.0.0.1:${ports['cache-data']}`,
        CACHE_URL_SECRET: cacheUrlSecret,
      };
    default:
      return common;
  }
}
