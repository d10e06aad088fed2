import type { EvictionPolicy } from '@ferry/eviction';

/** Why a file is not evicted. */
export type Hold = 'leased' | 'pinned' | 'last-copy';
export type HeldBytes = Readonly<Record<Hold | 'evictable', number>>;

const MINUTE_MS = 60_000;

/** Whole minutes since 1970. @param date ISO */
export const minuteOf = (date: string): number => Math.floor(Date.parse(date) / MINUTE_MS);
export const minuteNow = (): number => Math.floor(Date.now() / MINUTE_MS);

export interface OrderedFile {
  readonly assetId: string;
  readonly owner: string;
  /** Allocated. */
  readonly bytes: number;
}

/** Of one owner's files, by what holds them first. */
export interface Holdings {
  readonly owner: string;
  readonly files: HeldBytes;
  readonly bytes: HeldBytes;
}

type Counted = Record<Hold | 'evictable', number>;
const zero = (): Counted => ({ leased: 0, pinned: 0, 'last-copy': 0, evictable: 0 });
/** `kept`: bytes. */
const none = () => ({ bytes: zero(), files: zero(), kept: 0 });

/** The cached files in the order of the policy, and what holds some of them. */
export class EvictionOrder {
  private readonly holds = new Map<string, Set<Hold>>();
  private readonly files = new Map<string, OrderedFile>();
  private readonly held = none();
  private readonly byOwner = new Map<string, ReturnType<typeof none>>();

  constructor(private readonly policy: EvictionPolicy) {}

  /** A file is here, and was used in this minute. */
  put(file: OrderedFile, minute: number): void {
    const { assetId, bytes } = file;
    if (this.files.get(assetId)?.bytes === bytes) return;
    this.count(assetId, -1);
    this.files.set(assetId, file);
    this.count(assetId, 1);
    this.policy.put({ assetId, sizeBytes: bytes }, minute);
    if (this.holds.has(assetId)) this.policy.hold(assetId);
  }

  touch(assetId: string, minute: number): void {
    this.policy.touch(assetId, minute);
  }

  /** The file is gone. Who holds the asset holds it still: its next file is held too. */
  remove(assetId: string): void {
    this.count(assetId, -1);
    this.files.delete(assetId);
    this.policy.remove(assetId);
  }

  set(assetId: string, hold: Hold, holds: boolean): void {
    const held = this.holds.get(assetId) ?? new Set();
    if (held.has(hold) === holds) return;
    this.count(assetId, -1);
    if (holds) held.add(hold);
    else held.delete(hold);
    if (held.size) {
      this.holds.set(assetId, held);
      this.policy.hold(assetId);
    } else if (this.holds.delete(assetId)) this.policy.release(assetId);
    this.count(assetId, 1);
  }

  holdOf(assetId: string): Hold | undefined {
    return this.holds.get(assetId)?.values().next().value;
  }

  get fileCount(): number {
    return this.files.size;
  }

  next(): string | undefined {
    return this.policy.next();
  }

  /** Allocated bytes of all files, or of one owner's, by what holds them first; those that nothing is known to hold are evictable. */
  heldBytes(owner?: string): HeldBytes {
    return { ...this.of(owner).bytes };
  }

  /** Of each owner that has a file, by name, or of one. */
  holdings(owner?: string): Holdings[] {
    const owners = owner === undefined ? [...this.byOwner.keys()].toSorted() : [owner];
    return owners.map((of) => ({ owner: of, files: { ...this.of(of).files }, bytes: { ...this.of(of).bytes } }));
  }

  /** Allocated bytes that are pinned or last copies, whatever else holds them. */
  keptBytes(owner?: string): number {
    return this.of(owner).kept;
  }

  isKept(assetId: string): boolean {
    const held = this.holds.get(assetId);
    return held !== undefined && (held.has('pinned') || held.has('last-copy'));
  }

  private of(owner: string | undefined): ReturnType<typeof none> {
    return owner === undefined ? this.held : (this.byOwner.get(owner) ?? none());
  }

  private count(assetId: string, by: 1 | -1): void {
    const file = this.files.get(assetId);
    if (!file) return;
    const hold = this.holdOf(assetId) ?? 'evictable';
    const own = this.byOwner.get(file.owner) ?? none();
    this.byOwner.set(file.owner, own);
    for (const counted of [this.held, own]) {
      counted.bytes[hold] += by * file.bytes;
      counted.files[hold] += by;
      if (this.isKept(file.assetId)) counted.kept += by * file.bytes;
    }
    if (Object.values(own.files).every((files) => files === 0)) this.byOwner.delete(file.owner);
  }
}
