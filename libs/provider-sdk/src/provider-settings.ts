import { readFileSync } from 'node:fs';
import { OPERATIONS, type ProviderCapabilities, type RateLimits } from '@ferry/contracts';
import { IsInt, IsNotEmpty, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import { AccountRegistry } from './account-registry';
import type { HttpOptions } from './http-client';

const HOSTS = /^[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*$/;

/** What every adapter reads from its environment besides its own settings. */
export class ProviderHostSettings {
  /** `host:port` pairs of the caches' data planes, comma separated: bytes come from there and go there, nowhere else. */
  @IsString() @Matches(HOSTS, { message: 'must be host:port pairs, comma separated, e.g. 127.0.0.1:4100' }) FERRY_DATA_HOSTS!: string;
  /** `host:port` pairs that links may lead to although private or http. Development only. */
  @IsOptional() @IsNotEmpty() @Matches(HOSTS, { message: 'must be host:port pairs, comma separated' }) ALLOWED_DOWNLOAD_HOSTS?: string;
  /** Milliseconds until a connection to the vendor must stand. */
  @IsInt() @Min(100) @Max(600_000) PROVIDER_CONNECT_TIMEOUT_MS = 10_000;
  /** Milliseconds until a vendor's answer must begin; an upload's may take as long as its job. */
  @IsInt() @Min(100) @Max(600_000) PROVIDER_ANSWER_TIMEOUT_MS = 60_000;
  /** Milliseconds in which a vendor may send nothing of an answer that has begun. */
  @IsInt() @Min(100) @Max(600_000) PROVIDER_STALL_TIMEOUT_MS = 30_000;
  /** Bytes per second that must come on average within each such time. */
  @IsInt() @Min(1) @Max(1_000_000) PROVIDER_MIN_BYTES_PER_SECOND = 1_024;
}

export const hostsOf = (list: string | undefined): string[] => list?.split(',') ?? [];

export const httpOptions = (host: ProviderHostSettings): Omit<HttpOptions, 'apiUrl'> => ({
  allowedHosts: hostsOf(host.ALLOWED_DOWNLOAD_HOSTS),
  connectTimeoutMs: host.PROVIDER_CONNECT_TIMEOUT_MS,
  headersTimeoutMs: host.PROVIDER_ANSWER_TIMEOUT_MS,
  stallTimeoutMs: host.PROVIDER_STALL_TIMEOUT_MS,
  minBytesPerSecond: host.PROVIDER_MIN_BYTES_PER_SECOND,
});

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
