import { RankedPolicy } from './ranked-policy';

/** Characters of an id that go into its rank, and values of each; the last value is of all characters beyond ASCII, which ends what is compared. */
const CHARACTERS = 3;
const VALUES = 128;

/**
 * Least recently used first: in the order (minute of the last access, asset id). That order depends on what is known alone,
 * not on the way it was told, so it is the same live and rebuilt from events in any order. A clock that goes backwards makes
 * no file's last access older. O(log n).
 */
export class LruPolicy extends RankedPolicy {
  /** The minute and the beginning of the id in one number: most files of a minute differ in it, and no string is compared. */
  protected override rankOf(slot: number, assetId: string): number {
    let rank = this.minutes[slot]!;
    let isPlain = true;
    for (let at = 0; at < CHARACTERS; at += 1) {
      const code = at < assetId.length ? assetId.charCodeAt(at) : 0;
      isPlain &&= code < VALUES - 1;
      rank = rank * VALUES + (isPlain ? code : VALUES - 1);
    }
    return rank;
  }
}
