/** Which file goes first: see `LruPolicy`, `GdsfPolicy` and `SievePolicy`. */
export const POLICY_NAMES = ['lru', 'gdsf', 'sieve'] as const;
export type PolicyName = (typeof POLICY_NAMES)[number];

export interface EvictableFile {
  readonly assetId: string;
  readonly sizeBytes: number;
  /** Of fetching it again, compared with others; above 0. Default 1. */
  readonly cost?: number;
}

/** The order in which files are evicted. In memory, no clock and no I/O; whoever evicts says what happens. */
export interface EvictionPolicy {
  /**
   * A file came, or is told of again after a start. Of a known one: a touch, with new facts.
   * @param minute of its last access, whole minutes since 1970
   */
  put(file: EvictableFile, minute: number): void;
  /** The file was used. One that is not known changes nothing, here and below. */
  touch(assetId: string, minute: number): void;
  /** The file is gone: all that is known of it is forgotten, that it was held too. */
  remove(assetId: string): void;
  /** From now on it is never the next. Its uses still count. To hold it again changes nothing. */
  hold(assetId: string): void;
  /** It may be the next again. */
  release(assetId: string): void;
  /** The file to evict now: of those that are not held. It stays known until it is removed. */
  next(): string | undefined;
  /** Known files, held ones included. */
  readonly size: number;
}
