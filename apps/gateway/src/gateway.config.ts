import { IsInt, IsNotEmpty, IsString, Max, Min } from 'class-validator';

export class GatewayConfig {
  /** Where the API listens. */
  @IsString() @IsNotEmpty() GATEWAY_HOST = '127.0.0.1';
  /** 0: any free port. */
  @IsInt() @Min(0) @Max(65_535) GATEWAY_PORT = 4_000;
  /** JSON list of { name, sha256 of the key, owner, scopes? }. */
  @IsString() @IsNotEmpty() API_KEYS_FILE!: string;
  /** Calls with `Prefer: wait` that may wait at the same time. */
  @IsInt() @Min(1) @Max(1_000_000) GATEWAY_MAX_WAITERS = 10_000;
}
