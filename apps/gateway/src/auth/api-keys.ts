import { NAME_PATTERN, SHA256_PATTERN } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import { validated } from '@ferry/messaging';
import type { Logger } from '@ferry/observability';
import { singleflight } from '@ferry/resilience';
import { IsArray, IsIn, IsNotEmpty, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';

export const SCOPES = ['admin'] as const;

export class ApiKey {
  /** Who acts, in events: never the key itself. */
  @IsString() @IsNotEmpty() @MaxLength(100) name!: string;
  /** Of the key, hex. */
  @Matches(SHA256_PATTERN) sha256!: string;
  @Matches(NAME_PATTERN) owner!: string;
  @IsOptional() @IsArray() @IsIn(SCOPES, { each: true }) scopes?: (typeof SCOPES)[number][];
}

/** On whose behalf a request acts; comes from its key alone. */
export interface Caller {
  readonly owner: string;
  readonly actor: string;
  readonly admin: boolean;
}

interface KnownKey {
  readonly hash: Buffer;
  readonly caller: Caller;
}

/** Milliseconds between two looks at the file's time of change. */
const LOOK_MS = 1_000;

/** The keys of a file that an operator may change while the gateway runs. A file that became invalid changes nothing. */
export class ApiKeys {
  private lookedAt = performance.now();
  private readonly once = singleflight<void>();

  private constructor(
    private readonly path: string,
    private readonly logger: Logger,
    private keys: readonly KnownKey[],
    private version: string,
  ) {}

  /** @throws Error that says what is wrong with the file */
  static async open(path: string, logger: Logger): Promise<ApiKeys> {
    const version = await versionOf(path);
    return new ApiKeys(path, logger, await readKeys(path), version);
  }

  async callerOf(key: string): Promise<Caller | undefined> {
    if (performance.now() - this.lookedAt >= LOOK_MS) await this.once('look', () => this.look());
    const hash = createHash('sha256').update(key).digest();
    let caller: Caller | undefined;
    for (const known of this.keys) if (timingSafeEqual(known.hash, hash)) caller = known.caller;
    return caller;
  }

  private async look(): Promise<void> {
    this.lookedAt = performance.now();
    try {
      const version = await versionOf(this.path);
      if (version === this.version) return;
      this.version = version;
      this.keys = await readKeys(this.path);
      this.logger.info({ keys: this.keys.length }, 'API keys read again');
    } catch (error) {
      this.logger.error({ err: error }, 'the API keys file cannot be used; the keys read before stay');
    }
  }
}

const versionOf = async (path: string): Promise<string> => {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return `${mtimeMs}-${size}-${ino}`;
  } catch (cause) {
    throw new Error(`API_KEYS_FILE ${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
};

const readKeys = async (path: string): Promise<KnownKey[]> => {
  const list = parse(path, await readFile(path, 'utf8'));
  const keys = list.map((entry, index) => toKey(path, entry, index));
  for (const field of ['name', 'sha256'] as const) {
    const values = keys.map((key) => key[field]);
    const twice = values.findIndex((value, index) => values.indexOf(value) !== index);
    if (twice >= 0) throw new Error(`API_KEYS_FILE ${path}: entry ${twice} repeats the ${field} of another one`);
  }
  return keys.map(({ name, sha256, owner, scopes }) => ({
    hash: Buffer.from(sha256, 'hex'),
    caller: { owner, actor: name, admin: scopes?.includes('admin') ?? false },
  }));
};

const parse = (path: string, text: string): unknown[] => {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw new Error(`API_KEYS_FILE ${path} is not JSON`);
  }
  if (!Array.isArray(list) || !list.length) throw new Error(`API_KEYS_FILE ${path} must hold a list of at least one key`);
  return list;
};

const toKey = (path: string, entry: unknown, index: number): ApiKey => {
  try {
    return validated(ApiKey, entry);
  } catch (error) {
    const reasons = error instanceof FerryError ? error.details?.['errors'] : undefined;
    throw new Error(`API_KEYS_FILE ${path}: entry ${index} is not valid: ${Array.isArray(reasons) ? reasons.join('; ') : String(error)}`);
  }
};
