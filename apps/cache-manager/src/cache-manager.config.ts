import { NAME_PATTERN } from '@ferry/contracts';
import { IsInt, IsNotEmpty, IsOptional, IsString, IsUrl, Matches, Max, Min } from 'class-validator';

/** One or more secrets of at least 32 characters, comma separated. */
const SECRETS_PATTERN = /^[^,\s]{32,}(,[^,\s]{32,})*$/;

export class CacheManagerConfig {
  @IsString() @IsNotEmpty() EVENTSTORE_URL!: string;
  /** The folder of the cached files; one cache-manager each. */
  @IsString() @IsNotEmpty() CACHE_DIR!: string;
  /** Bytes that the cached files may take on the disk, those being written included. */
  @IsInt() @Min(1_048_576) CACHE_MAX_BYTES!: number;
  /** Names this disk in the events: it stays with the folder. */
  @Matches(NAME_PATTERN) CACHE_NODE_ID!: string;
  /** Where the data plane listens. */
  @IsString() @IsNotEmpty() CACHE_DATA_HOST = '127.0.0.1';
  /** 0: any free port. */
  @IsInt() @Min(0) @Max(65_535) CACHE_DATA_PORT = 0;
  /** Where others reach the data plane; default: its own host and port. */
  @IsOptional() @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false }) CACHE_DATA_URL?: string;
  /** Signs the addresses of the data plane. Several, comma separated: the first signs, all are accepted. */
  @Matches(SECRETS_PATTERN, { message: 'CACHE_URL_SECRET must be secrets of at least 32 characters, comma separated' }) CACHE_URL_SECRET!: string;
}
