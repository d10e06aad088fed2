import { FerryError } from '@ferry/kernel';
import type { Volume } from './volume';

export const BLOCK_BYTES = 4096;
/** Reserved at a time where the length is not known before. */
export const STEP_BYTES = 16 * 1024 * 1024;

/** Of the budget, for what is no cached file. */
const LARGEST_SHARE_BESIDE = 1 / 16;

/** What a file of this size takes on the disk at most. */
export const roundToBlocks = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;

export interface RoomMaker {
  /** Tries to make so many bytes free; answers whether there is more room than before, or enough. */
  makeRoom(neededBytes: number): Promise<boolean>;
  /** Which reasons hold how many bytes. */
  heldBy(): Readonly<Record<string, number>>;
}

/**
 * The bytes that the cache may hold: files, and room reserved for files that are being written. Room is taken before a
 * byte is written, so what lies on the disk is never above the budget.
 */
export class Budget {
  private used = 0;
  private reserved = 0;
  /** Of what is reserved. */
  private written = 0;
  private beside = 0;
  /** Of unknown length, the oldest first. */
  private readonly growing = new Set<Reservation>();

  /**
   * @param maker where room comes from when there is none, and what holds it for a refusal
   * @param volume where the files lie; what is to stay free there stays free
   */
  constructor(
    readonly maxBytes: number,
    private readonly maker: RoomMaker,
    private readonly volume: Volume,
  ) {}

  get usedBytes(): number {
    return this.used;
  }

  get reservedBytes(): number {
    return this.reserved;
  }

  /** What can be reserved now. */
  get freeBytes(): number {
    return Math.max(0, this.room);
  }

  /** Of the budget: files, what is reserved, and what lies beside. */
  get takenBytes(): number {
    return this.maxBytes - this.budgetRoom;
  }

  /** What a file may take at most: some of the budget is taken by what no eviction frees. */
  private get largestBytes(): number {
    return this.maxBytes - this.beside;
  }

  /** Bytes that have to go from the volume for so many more; others than the cache may hold them. */
  volumeLacks(neededBytes: number): number {
    return Math.max(0, neededBytes - this.volume.headroom);
  }

  /** Sees what the volume has free by now. @throws FerryError CACHE_UNAVAILABLE */
  look(): Promise<void> {
    return this.volume.look(this.owed);
  }

  /** For what lies beside the cached files, and grows. @returns whether there was room */
  setAside(bytes: number): boolean {
    if (bytes > this.room || this.beside + bytes > this.maxBytes * LARGEST_SHARE_BESIDE) return false;
    this.beside += bytes;
    this.volume.promised(bytes);
    return true;
  }

  /** @throws FerryError EXCEEDS_CACHE where a file of this size can never fit */
  checkSize(sizeBytes: number): void {
    if (roundToBlocks(sizeBytes) > this.largestBytes) {
      throw new FerryError(
        'EXCEEDS_CACHE',
        'too-large',
        `The file has ${sizeBytes} bytes, the whole cache ${this.maxBytes}. Raise CACHE_MAX_BYTES or use a smaller file.`,
        { sizeBytes, maxBytes: this.maxBytes },
      );
    }
  }

  /** Room for a file of this size, also where others have to go for it. @throws FerryError EXCEEDS_CACHE, CACHE_FULL */
  async fit(sizeBytes: number): Promise<void> {
    this.checkSize(sizeBytes);
    const needed = roundToBlocks(sizeBytes);
    await this.look();
    while (needed > this.room) await this.makeRoom(needed);
  }

  /**
   * @param sizeBytes the declared length; absent: reserved in steps as bytes come
   * @throws FerryError EXCEEDS_CACHE, CACHE_FULL
   */
  async reserve(sizeBytes?: number): Promise<Reservation> {
    const reservation = new Reservation(this);
    if (sizeBytes === undefined) this.growing.add(reservation);
    else {
      this.checkSize(sizeBytes);
      await reservation.cover(sizeBytes, 0);
    }
    return reservation;
  }

  /** For a reservation only: all of `needed`, and up to `wanted` while there is room. */
  async take(reservation: Reservation, needed: number, wanted: number): Promise<number> {
    await this.look();
    while (needed > this.room) await this.makeRoom(needed, reservation);
    const granted = Math.max(needed, Math.min(wanted, this.freeBytes));
    this.reserved += granted;
    this.volume.promised(granted);
    return granted;
  }

  /**
   * For a reservation only: what it has may be written still. Others may have filled the volume since it was promised.
   * @throws FerryError CACHE_FULL
   */
  async keepFloor(): Promise<void> {
    await this.volume.glance(this.owed);
    while (this.volume.freeBytes < this.volume.floorBytes) {
      if (!(await this.maker.makeRoom(BLOCK_BYTES))) throw this.volumeFull(this.volume.floorBytes - this.volume.freeBytes);
      await this.look();
    }
  }

  /** For a reservation only: so many bytes of it are on the disk. */
  wrote(bytes: number): void {
    this.written += bytes;
  }

  /** For a reservation only: it has ended. */
  giveBack(bytes: number, written: number): void {
    this.reserved -= bytes;
    this.written -= written;
  }

  /** For a reservation only: it grows no more. */
  grown(reservation: Reservation): void {
    this.growing.delete(reservation);
  }

  /** Files came, or with a negative number went. */
  addUsed(bytes: number): void {
    this.used += bytes;
  }

  /** Negative where files that were there at a start take more than the budget. */
  private get room(): number {
    return Math.min(this.budgetRoom, this.volume.headroom);
  }

  private get budgetRoom(): number {
    return this.maxBytes - this.beside - this.used - this.reserved;
  }

  private readonly owed = (): number => this.reserved - this.written;

  /** Afterwards there is more room, which others may have taken by then. @throws FerryError CACHE_FULL */
  private async makeRoom(needed: number, reservation?: Reservation): Promise<void> {
    if (await this.maker.makeRoom(needed)) return this.look();
    // Of several that grow and cannot go on, the youngest ends, so that the oldest does not.
    const youngest = [...this.growing].at(-1);
    if (!reservation || !youngest || youngest === reservation || !this.growing.has(reservation)) throw this.full(needed);
    await youngest.breakOff(this.full(needed));
    await this.look();
  }

  private full(neededBytes: number): FerryError {
    if (neededBytes <= this.budgetRoom) return this.volumeFull(neededBytes);
    const { maxBytes, usedBytes, reservedBytes } = this;
    return new FerryError(
      'CACHE_FULL',
      'no-space',
      `The cache has no room for ${neededBytes} bytes more: ${usedBytes} of ${maxBytes} are used and ${reservedBytes} reserved. ` +
        'What is left is in use, pinned, or a last copy. Delete or unpin assets, or raise CACHE_MAX_BYTES.',
      { neededBytes, maxBytes, usedBytes, reservedBytes, heldBy: this.heldBy() },
    );
  }

  private volumeFull(neededBytes: number): FerryError {
    const { freeBytes, floorBytes } = this.volume;
    return new FerryError(
      'CACHE_FULL',
      'no-space',
      `The volume of the cache has no room for ${neededBytes} bytes more: ${freeBytes} are free, ${floorBytes} of them stay free and ${this.owed()} are promised, ` +
        'and no file that may go makes up for it. Free space on the volume, or lower CACHE_MIN_FREE_BYTES.',
      { neededBytes, freeBytes, floorBytes, heldBy: { ...this.heldBy(), volume: true } },
    );
  }

  private heldBy(): Readonly<Record<string, number>> {
    return { ...this.maker.heldBy(), writing: this.reservedBytes, beside: this.beside };
  }
}

/** Room for one file that is being written. It ends once: settled with what the file takes, or released. */
export class Reservation {
  private bytes = 0;
  private written = 0;
  private ended = false;
  private readonly breaking = new AbortController();
  private readonly end: Promise<void>;
  private tellEnd: () => void = () => undefined;

  constructor(private readonly budget: Budget) {
    this.end = new Promise((resolve) => (this.tellEnd = resolve));
  }

  /** Aborted where the room goes to another one: the file must end. */
  get broken(): AbortSignal {
    return this.breaking.signal;
  }

  /** Makes sure that a file of this size has room. @throws FerryError CACHE_FULL */
  async cover(sizeBytes: number, step = STEP_BYTES): Promise<void> {
    this.broken.throwIfAborted();
    await this.budget.keepFloor();
    const needed = roundToBlocks(sizeBytes) - this.bytes;
    if (needed <= 0) return;
    this.bytes += await this.budget.take(this, needed, Math.max(needed, step));
  }

  /** So many bytes are written. */
  wrote(bytes: number): void {
    this.written += bytes;
    this.budget.wrote(bytes);
  }

  /** It needs no more room. */
  grown(): void {
    this.budget.grown(this);
  }

  /** Resolves when its room is free. */
  breakOff(reason: FerryError): Promise<void> {
    this.breaking.abort(reason);
    return this.end;
  }

  settle(usedBytes: number): void {
    if (this.ended) return;
    this.release();
    this.budget.addUsed(usedBytes);
  }

  release(): void {
    if (this.ended) return;
    this.ended = true;
    this.grown();
    this.budget.giveBack(this.bytes, this.written);
    this.tellEnd();
  }
}
