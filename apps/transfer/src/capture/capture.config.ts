import { IsInt, Max, Min } from 'class-validator';

export class CaptureConfig {
  /** Seconds before its origin's end, known or assumed, from which an asset's bytes are brought into the cache. More leaves more time where many origins end at once. */
  @IsInt() @Min(60) @Max(31_536_000) TRANSFER_CAPTURE_LEAD_SECONDS = 86_400;
  /** Downloads that are open at the same time to save bytes from ending origins, in all replicas together; as many again where ends are near. */
  @IsInt() @Min(1) @Max(1_000) TRANSFER_CAPTURES_OPEN = 4;
}
