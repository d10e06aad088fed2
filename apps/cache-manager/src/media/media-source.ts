import type { FileHandle } from 'node:fs/promises';

const WINDOW_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/** Reads parts of a file through one window of 64 KiB, whatever the file's size. */
export class MediaSource {
  private window = NOTHING;
  private start = 0;

  constructor(
    private readonly handle: FileHandle,
    readonly size: number,
  ) {}

  /** Up to `length` bytes (at most 64 KiB) from `offset`; fewer only at the end of the file. */
  async read(offset: number, length: number): Promise<Buffer> {
    const end = Math.min(offset + Math.min(length, WINDOW_BYTES), this.size);
    if (offset >= end) return NOTHING;
    if (offset < this.start || end > this.start + this.window.length) await this.load(offset);
    return this.window.subarray(offset - this.start, end - this.start);
  }

  private async load(offset: number): Promise<void> {
    const buffer = Buffer.allocUnsafe(Math.min(WINDOW_BYTES, this.size - offset));
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await this.handle.read(buffer, filled, buffer.length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.window = buffer.subarray(0, filled);
    this.start = offset;
  }
}
