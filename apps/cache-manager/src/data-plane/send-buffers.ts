/** Of this size, system calls cost little beside the bytes that they move. */
export const LARGE_BYTES = 2 * 1024 * 1024;
const SMALL_BYTES = 64 * 1024;
/** Where less than this is to be sent, a buffer of just that is made. */
const WORTHWHILE_BYTES = 256 * 1024;

/** What answers read into. A number of large buffers is shared; who finds all of them in use gets a small one. */
export class SendBuffers {
  private readonly spare: Buffer[] = [];
  private lent = 0;

  /**
   * @param maxLarge large buffers in use at a time
   * @param maxSpare large buffers kept for the next answers
   */
  constructor(
    private readonly maxLarge: number,
    private readonly maxSpare: number,
  ) {}

  /** @param bytes to be sent in all; what comes is not longer, except from the large ones */
  take(bytes: number): Buffer {
    if (bytes <= WORTHWHILE_BYTES) return Buffer.allocUnsafeSlow(bytes);
    if (this.lent >= this.maxLarge) return Buffer.allocUnsafeSlow(SMALL_BYTES);
    this.lent += 1;
    return this.spare.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES);
  }

  /** @param isIdle nothing reads or writes it any more: the next may have it */
  giveBack(buffer: Buffer, isIdle: boolean): void {
    if (buffer.length !== LARGE_BYTES) return;
    this.lent -= 1;
    if (isIdle && this.spare.length < this.maxSpare) this.spare.push(buffer);
  }
}
