import { readFileSync } from 'node:fs';
import { OPERATIONS, type ProviderCapabilities, type RateLimits } from '@ferry/contracts';
import { IsNotEmpty, IsOptional, IsString, Matches } from 'class-validator';
import { AccountRegistry } from './account-registry';

const HOSTS = /^[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*$/;

/** What every adapter reads from its environment besides its own settings. */
export class ProviderHostSettings {
  /** `host:port` pairs of the caches' data planes, comma separated: bytes come from there and go there, nowhere else. */
  @IsString() @Matches(HOSTS, { message: 'must be host:port pairs, comma separated, e.g. 127.0.0.1:4100' }) FERRY_DATA_HOSTS!: string;
  /** `host:port` pairs that links may lead to although private or http. Development only. */
  @IsOptional() @IsNotEmpty() @Matches(HOSTS, { message: 'must be host:port pairs, comma separated' }) ALLOWED_DOWNLOAD_HOSTS?: string;
}

export const hostsOf = (list: string | undefined): string[] => list?.split(',') ?? [];

/**
 * The accounts in `{PROVIDER}_ACCOUNTS` (JSON) or in the file that `{PROVIDER}_ACCOUNTS_FILE` names.
 * @throws Error that names the variable and never shows what is in it
 */
export const loadAccounts = (providerId: string, env: NodeJS.ProcessEnv): AccountRegistry => {
  const variable = `${providerId.toUpperCase().replaceAll('-', '_')}_ACCOUNTS`;
  const json = env[variable] || undefined;
  const file = env[`${variable}_FILE`] || undefined;
  if ((json === undefined) === (file === undefined)) throw new Error(`Set either ${variable} (JSON) or ${variable}_FILE (a file with it).`);
  if (json !== undefined) return AccountRegistry.parse(providerId, json, variable);
  try {
    return AccountRegistry.parse(providerId, readFileSync(file!, 'utf8'), `${variable}_FILE`);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw code ? new Error(`${variable}_FILE cannot be read (${code}).`) : error;
  }
};

const LIMITS: readonly (keyof RateLimits)[] = ['concurrency', 'requestsPerSecond', 'bytesPerSecond'];

/**
 * The vendor's limits as the operator knows them better: `{PROVIDER}_RATE_LIMITS` (JSON), e.g.
 * `{"upload":{"concurrency":2},"download":{"requestsPerSecond":10}}`. What it names takes the place of the adapter's own.
 * @throws Error that names the variable
 */
export const withRateLimits = (capabilities: ProviderCapabilities, env: NodeJS.ProcessEnv): ProviderCapabilities => {
  const variable = `${capabilities.providerId.toUpperCase().replaceAll('-', '_')}_RATE_LIMITS`;
  const json = env[variable];
  if (!json) return capabilities;
  const isLimit = ([name, value]: [string, unknown]) => LIMITS.includes(name as keyof RateLimits) && typeof value === 'number' && value > 0 && (name !== 'concurrency' || Number.isInteger(value));
  const wrong = new Error(`${variable} must be JSON like {"upload":{"concurrency":2}}: of ${OPERATIONS.join(', ')}, each with ${LIMITS.join(', ')}, numbers above 0.`);
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch {
    throw wrong;
  }
  if (typeof given !== 'object' || given === null) throw wrong;
  const isRight = ([operation, limits]: [string, unknown]) =>
    (OPERATIONS as readonly string[]).includes(operation) && typeof limits === 'object' && limits !== null && Object.entries(limits).every(isLimit);
  if (!Object.entries(given).every(isRight)) throw wrong;
  return { ...capabilities, rateLimits: { ...capabilities.rateLimits, ...(given as ProviderCapabilities['rateLimits']) } };
};
