import { answersOk } from './readiness';
import type { Setting } from './setting';
import type { ProcessSpec } from './supervised-process';
import { compiledMain } from './workspace';

/** Where the provider simulator's APIs are. */
export interface SimulatorUrls {
  readonly pixverse: string;
  readonly openai: string;
  readonly control: string;
}

/** The simulators take any key; it is their account. */
export const SIMULATED_KEYS = { pixverse: 'simulated-pixverse-key', sora: 'simulated-sora-key' } as const;

export const simulatorUrls = ({ ports }: Setting): SimulatorUrls => {
  const origin = `http://127.0.0.1:${ports.simulator}`;
  return { pixverse: `${origin}/pixverse/openapi/v2`, openai: `${origin}/openai/v1`, control: `${origin}/control` };
};

export const planSimulator = (setting: Setting): ProcessSpec => ({
  name: 'simulator',
  nodeArgs: [compiledMain('tools/provider-simulator'), '--port', String(setting.ports.simulator), '--data', setting.folder.file('simulator')],
  env: withoutKeys(setting.env),
  logFile: setting.folder.file('logs', 'simulator.log'),
  isReady: () => answersOk(`${simulatorUrls(setting).control}/counters`),
});

/**
 * Points one adapter to the simulator, with an account `{provider}-main` of the owner `dev`, unless the environment
 * says anything of that provider: then all of it comes from there.
 */
export function providerEnvironment(provider: 'pixverse' | 'sora', baseUrl: string, { env, ports }: Setting): NodeJS.ProcessEnv {
  const prefix = provider.toUpperCase();
  if (isConfigured(prefix, env)) return {};
  const accountId = `${provider}-main`;
  return {
    [`${prefix}_BASE_URL`]: baseUrl,
    [`${prefix}_ACCOUNTS`]: JSON.stringify([{ accountId, apiKey: SIMULATED_KEYS[provider], owners: ['dev'], defaultFor: ['dev'] }]),
    ALLOWED_DOWNLOAD_HOSTS: `127.0.0.1:${ports.simulator}`,
  };
}

const isConfigured = (prefix: string, env: NodeJS.ProcessEnv): boolean =>
  ['BASE_URL', 'ACCOUNTS', 'ACCOUNTS_FILE'].some((name) => env[`${prefix}_${name}`]);

const CREDENTIALS = /^(?<vendor>[A-Z0-9_]+)_ACCOUNTS(_FILE)?$/;

/** The environment without the keys of vendors, except those of the one vendor whose adapter it is for. */
export const withoutKeys = (env: NodeJS.ProcessEnv, vendor?: string): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => [undefined, vendor].includes(CREDENTIALS.exec(name)?.groups!['vendor'])));
