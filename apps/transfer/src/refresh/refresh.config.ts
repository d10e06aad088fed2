import { IsInt, IsNumber, Max, Min } from 'class-validator';

export class RefreshConfig {
  /** Share of a reference's life, at its end, in which one that is in use is renewed. One that was last used more than twice that before its end is not. 0: none is renewed. */
  @IsNumber() @Min(0) @Max(0.4) TRANSFER_REFRESH_SHARE = 0.1;
  /** Renewals that are open at the same time, in all replicas together; a little more where several begin at once. */
  @IsInt() @Min(1) @Max(1_000) TRANSFER_REFRESH_OPEN = 4;
}
