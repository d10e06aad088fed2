import { statfs } from 'node:fs/promises';
import { asDiskError } from './disk-errors';

/** While bytes are written that were promised, the volume is looked at as often; room is promised after a new look only. */
const GLANCE_MS = 100;
const LARGEST_DEFAULT_FLOOR = 1024 ** 3;
/** Of the volume. */
const DEFAULT_FLOOR_SHARE = 0.05;

/** What the volume of the cache has free, and what of it is to stay free: others may need it, the stores of events among them. */
export class Volume {
  /** Bytes that were promised and not written when the volume was looked at, and those promised since: the look did not see them. */
  private owed = 0;
  private owedNext = 0;
  private lookedAt = -Infinity;
  private looking: Promise<void> | undefined;

  private constructor(
    private readonly folder: string,
    readonly floorBytes: number,
    private free: number,
  ) {}

  /** @param floorBytes default: a twentieth of the volume, 1 GiB at most */
  static async of(folder: string, floorBytes?: number): Promise<Volume> {
    const { blocks, bavail, bsize } = await statfs(folder);
    return new Volume(folder, floorBytes ?? Math.min(LARGEST_DEFAULT_FLOOR, Math.floor(blocks * bsize * DEFAULT_FLOOR_SHARE)), bavail * bsize);
  }

  /** What the last look found. */
  get freeBytes(): number {
    return this.free;
  }

  /** What may be promised; negative where the floor is passed already. Room that came free counts from the next look on. */
  get headroom(): number {
    return this.free - this.floorBytes - this.owed;
  }

  promised(bytes: number): void {
    this.owed += bytes;
    this.owedNext += bytes;
  }

  /** @param owed bytes that are promised and not yet written @throws FerryError CACHE_UNAVAILABLE */
  async look(owed: () => number): Promise<void> {
    // One that is under way may have seen the volume as it was before.
    await this.looking;
    await (this.looking ??= this.see(owed()).finally(() => (this.looking = undefined)));
  }

  /** Looks, unless somebody did a moment ago. */
  async glance(owed: () => number): Promise<void> {
    if (performance.now() - this.lookedAt >= GLANCE_MS) await this.look(owed);
  }

  private async see(owed: number): Promise<void> {
    this.owedNext = owed;
    const at = performance.now();
    try {
      const { bavail, bsize } = await statfs(this.folder);
      this.free = bavail * bsize;
    } catch (error) {
      throw asDiskError(error);
    }
    this.owed = this.owedNext;
    this.lookedAt = at;
  }
}
