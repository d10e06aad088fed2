import { FerryError } from '@ferry/kernel';

export const BLOCK_BYTES = 4096;
/** Reserved at a time where the length is not known before. */
export const STEP_BYTES = 16 * 1024 * 1024;

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
  /** Of unknown length, the oldest first. */
  private readonly growing = new Set<Reservation>();

  /** @param maker where room comes from when there is none, and what holds it for a refusal */
  constructor(
    readonly maxBytes: number,
    private readonly maker: RoomMaker,
  ) {}

  get usedBytes(): number {
    return this.used;
  }

  get reservedBytes(): number {
    return this.reserved;
  }

  get freeBytes(): number {
    return Math.max(0, this.maxBytes - this.used - this.reserved);
  }

  /** @throws FerryError EXCEEDS_CACHE where a file of this size can never fit */
  checkSize(sizeBytes: number): void {
    if (roundToBlocks(sizeBytes) > this.maxBytes) {
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
    while (needed > this.room) await this.makeRoom(needed, reservation);
    const granted = Math.max(needed, Math.min(wanted, this.freeBytes));
    this.reserved += granted;
    return granted;
  }

  /** For a reservation only: it has ended. */
  giveBack(reservation: Reservation, bytes: number): void {
    this.growing.delete(reservation);
    this.reserved -= bytes;
  }

  /** Files came, or with a negative number went. */
  addUsed(bytes: number): void {
    this.used += bytes;
  }

  /** Negative where files that were there at a start take more than the budget. */
  private get room(): number {
    return this.maxBytes - this.used - this.reserved;
  }

  /** Afterwards there is more room, which others may have taken by then. @throws FerryError CACHE_FULL */
  private async makeRoom(needed: number, reservation?: Reservation): Promise<void> {
    if (await this.maker.makeRoom(needed)) return;
    // Of several that grow and cannot go on, the youngest ends, so that the oldest does not.
    const youngest = [...this.growing].at(-1);
    if (!reservation || !youngest || youngest === reservation || !this.growing.has(reservation)) throw this.full(needed);
    await youngest.breakOff(this.full(needed));
  }

  private full(neededBytes: number): FerryError {
    const { maxBytes, usedBytes, reservedBytes } = this;
    return new FerryError(
      'CACHE_FULL',
      'no-space',
      `The cache has no room for ${neededBytes} bytes more: ${usedBytes} of ${maxBytes} are used and ${reservedBytes} reserved. ` +
        'What is left is in use, pinned, or a last copy. Delete or unpin assets, or raise CACHE_MAX_BYTES.',
      { neededBytes, maxBytes, usedBytes, reservedBytes, heldBy: { ...this.maker.heldBy(), writing: reservedBytes } },
    );
  }
}

/** Room for one file that is being written. It ends once: settled with what the file takes, or released. */
export class Reservation {
  private bytes = 0;
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
    const needed = roundToBlocks(sizeBytes) - this.bytes;
    if (needed <= 0) return;
    this.bytes += await this.budget.take(this, needed, Math.max(needed, step));
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
    this.budget.giveBack(this, this.bytes);
    this.tellEnd();
  }
}
