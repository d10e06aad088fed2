import { NAME_PATTERN } from '@ferry/contracts';
import { POLICY_NAMES, type PolicyName } from '@ferry/eviction';
import { IsIn, IsInt, IsNotEmpty, IsNumber, IsOptional, IsString, IsUrl, Matches, Max, Min } from 'class-validator';

/** One or more secrets of at least 32 characters, comma separated. */
const SECRETS_PATTERN = /^[^,\s]{32,}(,[^,\s]{32,})*$/;

export class CacheManagerConfig {
  @IsString() @IsNotEmpty() EVENTSTORE_URL!: string;
  /** The folder of the cached files; one cache-manager each. */
  @IsString() @IsNotEmpty() CACHE_DIR!: string;
  /** Bytes that the cached files may take on the disk, those being written included. */
  @IsInt() @Min(1_048_576) CACHE_MAX_BYTES!: number;
  /** Bytes that stay free on the volume of the folder, whoever fills it. Default: a twentieth of the volume, 1 GiB at most. */
  @IsOptional() @IsInt() @Min(0) CACHE_MIN_FREE_BYTES?: number;
  /** Which file goes first when room is needed: `lru`, `gdsf` (small and often used files stay) or `sieve`. */
  @IsIn(POLICY_NAMES) CACHE_POLICY: PolicyName = 'lru';
  /** Share of the budget above which files are evicted ahead of need. */
  @IsNumber() @Min(0.1) @Max(1) CACHE_HIGH_WATERMARK = 0.95;
  /** Share of the budget down to which they are. */
  @IsNumber() @Min(0.05) @Max(1) CACHE_LOW_WATERMARK = 0.9;
  /** Bytes of cached files that are read again per second, to find damage; 0: none. */
  @IsInt() @Min(0) CACHE_SCRUB_BYTES_PER_SECOND = 4_194_304;
  /** The longest time of a lease, in seconds; after a start nothing is evicted for as long. */
  @IsInt() @Min(1) @Max(60) CACHE_LEASE_SECONDS = 60;
  /** Seconds for which another copy that was found alive counts as alive, and one that was not as gone. */
  @IsInt() @Min(1) @Max(86_400) LAST_COPY_CONFIRM_SECONDS = 300;
  /** Share of the budget that pinned files and last copies may take, of all owners together: a pin that would exceed it is refused. */
  @IsNumber() @Min(0) @Max(1) CACHE_UNEVICTABLE_SHARE = 0.8;
  /** The same for one owner. */
  @IsNumber() @Min(0) @Max(1) CACHE_UNEVICTABLE_SHARE_PER_OWNER = 0.5;
  /** Seconds that another copy must live on to count. */
  @IsInt() @Min(0) LAST_COPY_MARGIN_SECONDS = 3_600;
  /** Names this disk in the events: it stays with the folder, and no two nodes have the same. */
  @Matches(NAME_PATTERN) CACHE_NODE_ID!: string;
  /** Where the data plane listens. */
  @IsString() @IsNotEmpty() CACHE_DATA_HOST = '127.0.0.1';
  /** 0: any free port. */
  @IsInt() @Min(0) @Max(65_535) CACHE_DATA_PORT = 0;
  /** Where others reach this node's data plane; default: its own host and port. */
  @IsOptional() @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false }) CACHE_DATA_URL?: string;
  /** Signs the addresses of the data plane. Several, comma separated: the first signs, all are accepted. */
  @Matches(SECRETS_PATTERN, { message: 'CACHE_URL_SECRET must be secrets of at least 32 characters, comma separated' }) CACHE_URL_SECRET!: string;
}
