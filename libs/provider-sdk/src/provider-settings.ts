import { readFileSync } from 'node:fs';
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
