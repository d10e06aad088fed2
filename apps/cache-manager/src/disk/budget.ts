import { FerryError } from '@ferry/kernel';

export const BLOCK_BYTES = 4096;
/** Reserved at a time where the length is not known before. */
export const STEP_BYTES = 16 * 1024 * 1024;

/** What a file of this size takes on the disk at most. */
export const roundToBlocks = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;

/**
 * The bytes that the cache may hold: files, and room reserved for files that are being written. Room is taken before a
 * byte is written, so what lies on the disk is never above the budget.
 */
export class Budget {
  private used = 0;
  private reserved = 0;

  /** @param holders says, for a refusal, which reasons hold how many bytes */
  constructor(
    readonly maxBytes: number,
    private readonly holders: () => Readonly<Record<string, number>>,
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

  /** @throws FerryError EXCEEDS_CACHE, CACHE_FULL where it does not fit now */
  check(sizeBytes: number): void {
    this.checkSize(sizeBytes);
    const needed = roundToBlocks(sizeBytes);
    if (needed > this.freeBytes) throw this.full(needed);
  }

  /** @param sizeBytes the declared length; absent: reserved in steps as bytes come */
  reserve(sizeBytes?: number): Reservation {
    if (sizeBytes !== undefined) this.check(sizeBytes);
    const reservation = new Reservation(this);
    if (sizeBytes !== undefined) reservation.cover(sizeBytes, 0);
    return reservation;
  }

  /** For a reservation only: all of `needed`, and up to `wanted` while there is room. */
  take(needed: number, wanted: number): number {
    if (needed > this.maxBytes - this.used - this.reserved) throw this.full(needed);
    const granted = Math.max(needed, Math.min(wanted, this.freeBytes));
    this.reserved += granted;
    return granted;
  }

  giveBack(bytes: number): void {
    this.reserved -= bytes;
  }

  /** Files came, or with a negative number went. */
  addUsed(bytes: number): void {
    this.used += bytes;
  }

  private full(neededBytes: number): FerryError {
    const { maxBytes, usedBytes, reservedBytes } = this;
    return new FerryError(
      'CACHE_FULL',
      'no-space',
      `The cache has no room for ${neededBytes} bytes more: ${usedBytes} of ${maxBytes} are used and ${reservedBytes} reserved. ` +
        'Delete assets, or raise CACHE_MAX_BYTES.',
      { neededBytes, maxBytes, usedBytes, reservedBytes, heldBy: { ...this.holders(), writing: reservedBytes } },
    );
  }
}

/** Room for one file that is being written. It ends once: settled with what the file takes, or released. */
export class Reservation {
  private bytes = 0;
  private ended = false;

  constructor(private readonly budget: Budget) {}

  /** Makes sure that a file of this size has room. @throws FerryError CACHE_FULL */
  cover(sizeBytes: number, step = STEP_BYTES): void {
    const needed = roundToBlocks(sizeBytes) - this.bytes;
    if (needed > 0) this.bytes += this.budget.take(needed, Math.max(needed, step));
  }

  settle(usedBytes: number): void {
    if (this.ended) return;
    this.release();
    this.budget.addUsed(usedBytes);
  }

  release(): void {
    if (this.ended) return;
    this.ended = true;
    this.budget.giveBack(this.bytes);
  }
}
