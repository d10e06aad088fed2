import { IsInt, Max, Min } from 'class-validator';

export class WarmingConfig {
  /** Warmings that are worked on at the same time, in all replicas together; of one owner one after the other. */
  @IsInt() @Min(1) @Max(100) TRANSFER_WARMINGS_AT_ONCE = 4;
  /** Downloads that one warming has open at the same time. */
  @IsInt() @Min(1) @Max(100) TRANSFER_WARMING_DOWNLOADS = 4;
}
