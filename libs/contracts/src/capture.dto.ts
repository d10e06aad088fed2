import { IsInt, Max, Min } from 'class-validator';
import { OwnedRequest } from './common.dto';

/** The owner's assets whose origins end and whose bytes nothing else has. */
export class CapturesRequest extends OwnedRequest {
  @IsInt() @Min(1) @Max(200) limit!: number;
}

export interface PendingCapture {
  readonly assetId: string;
  /** ISO date. */
  readonly originEndsAt: string;
  /** The end is assumed: from what the provider's adapter says of the life of its origins. */
  readonly assumed: boolean;
  /** `waiting`: for its time, or for a place. `skipped`: there was no room; it is tried again as room comes free. `failed`: it is tried again at `nextTryAt`. */
  readonly status: 'waiting' | 'downloading' | 'skipped' | 'failed';
  /** Of a failure: what kind. */
  readonly kind?: string;
  readonly nextTryAt?: string;
}

export interface CapturesAnswer {
  /** How many there are whose end is still to come. */
  readonly uncaptured: number;
  /** Seconds until the first of them ends; absent: there is none. */
  readonly nextEndsInSeconds?: number;
  /** The earliest end first. */
  readonly items: readonly PendingCapture[];
}
