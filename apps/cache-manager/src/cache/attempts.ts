import { FerryError, parseRunId } from '@ferry/kernel';

/** Assets that are being downloaded at a time. */
const MAX_ASSETS = 100_000;

/** One attempt to bring an asset in. */
export interface Attempt {
  readonly assetId: string;
  readonly downloadId: string;
  readonly epoch: number;
  readonly attempt: number;
  /** Milliseconds since 1970: forgotten after it, because its address is not valid any more. */
  readonly expiresAt: number;
}

interface Newest {
  readonly attempt: Attempt;
  readonly stop: AbortController;
  used: boolean;
}

const superseded = (): FerryError =>
  new FerryError('PUT_SUPERSEDED', 'conflict', 'A newer attempt of this download has begun. This one must end.');

/** Which attempt of each asset's download may send its bytes: the newest one that was seen, and once. */
export class Attempts {
  private readonly newest = new Map<string, Newest>();

  constructor(private readonly now: () => number) {}

  /**
   * A place is asked for: older attempts are broken off and refused from now on.
   * @throws FerryError PUT_SUPERSEDED for an older one; TOO_MANY_DOWNLOADS
   */
  announce(attempt: Attempt): void {
    this.admit(attempt);
  }

  /**
   * The bytes come. The signal breaks the attempt off when a newer one is announced.
   * @throws FerryError PUT_SUPERSEDED, PUT_USED, TOO_MANY_DOWNLOADS
   */
  begin(attempt: Attempt): AbortSignal {
    const entry = this.admit(attempt);
    if (entry.used) throw new FerryError('PUT_USED', 'conflict', 'This attempt has sent its bytes already. Begin the next attempt.');
    entry.used = true;
    return entry.stop.signal;
  }

  /** A place for a newer attempt was given elsewhere: an older one here breaks off, and is refused from now on. */
  announcedElsewhere(attempt: Attempt): void {
    const known = this.newest.get(attempt.assetId);
    if (known && compare(attempt, known.attempt) > 0) this.admit(attempt);
  }

  /** The asset is cached: nothing has to be known of how it came. */
  end({ assetId }: Attempt): void {
    this.newest.delete(assetId);
  }

  private admit(attempt: Attempt): Newest {
    const known = this.newest.get(attempt.assetId);
    const order = known ? compare(attempt, known.attempt) : 1;
    if (order < 0) throw superseded();
    if (known && order === 0) return known;
    known?.stop.abort(superseded());
    if (this.newest.size >= MAX_ASSETS) this.forgetExpired();
    if (!known && this.newest.size >= MAX_ASSETS) {
      throw new FerryError('TOO_MANY_DOWNLOADS', 'throttled', `The cache takes ${MAX_ASSETS} downloads at once. Try again when some have ended.`);
    }
    const entry = { attempt, stop: new AbortController(), used: false };
    this.newest.set(attempt.assetId, entry);
    return entry;
  }

  private forgetExpired(): void {
    for (const [assetId, { attempt }] of this.newest) if (attempt.expiresAt <= this.now()) this.newest.delete(assetId);
  }
}

const rankOf = ({ downloadId, epoch, attempt }: Attempt): readonly number[] => [parseRunId(downloadId)?.run ?? 0, epoch, attempt];

const compare = (a: Attempt, b: Attempt): number => {
  const [left, right] = [rankOf(a), rankOf(b)];
  const at = left.findIndex((value, index) => value !== right[index]);
  return at < 0 ? 0 : left[at]! - right[at]!;
};
