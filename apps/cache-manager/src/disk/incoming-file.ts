import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { roundToBlocks, type Budget, type Reservation } from './budget';
import { absentIfMissing, asDiskError } from './disk-errors';
import type { OpenFiles } from './open-files';

/** Bytes that may wait in memory for the disk, beside those that are on their way to it: little is left for the end. */
const BEHIND_BYTES = 16 * 1024 ** 2;

/** A file that is being written: a temporary file, the room reserved for it, and the hash of what has come. */
export class IncomingFile {
  private readonly hash = createHash('sha256');
  private written = 0;
  private digest?: string;
  private closed = false;
  private sent = 0;
  private sending: Promise<void> | undefined;
  private failure: unknown;

  private constructor(
    readonly path: string,
    readonly handle: FileHandle,
    readonly reservation: Reservation,
    private readonly openFiles: OpenFiles,
  ) {}

  /**
   * @param sizeBytes the announced length, where known
   * @throws FerryError EXCEEDS_CACHE, CACHE_FULL, CACHE_UNAVAILABLE
   */
  static async create(folder: string, budget: Budget, openFiles: OpenFiles, sizeBytes?: number): Promise<IncomingFile> {
    const reservation = await budget.reserve(sizeBytes);
    const path = join(folder, randomUUID());
    try {
      return new IncomingFile(path, await open(path, 'wx+', 0o600), reservation, openFiles);
    } catch (error) {
      reservation.release();
      throw asDiskError(error);
    }
  }

  get sizeBytes(): number {
    return this.written;
  }

  /** The content's hash; nothing can be written after it was asked for. */
  get sha256(): string {
    return (this.digest ??= this.hash.digest('hex'));
  }

  /** Room first, then the bytes. @throws FerryError CACHE_FULL, CACHE_UNAVAILABLE */
  async write(chunk: Buffer): Promise<void> {
    await this.reservation.cover(this.written + chunk.length);
    this.hash.update(chunk);
    try {
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await this.handle.write(chunk, done, chunk.length - done, this.written + done);
        done += bytesWritten;
        this.reservation.wrote(bytesWritten);
      }
    } catch (error) {
      throw asDiskError(error);
    }
    this.written += chunk.length;
    if (this.written - this.sent >= BEHIND_BYTES) this.send();
  }

  /** All that was written is on the disk when this returns. */
  async sync(): Promise<void> {
    await this.sending;
    // The system tells a failure once: a later sync would succeed.
    if (this.failure !== undefined) throw asDiskError(this.failure);
    await this.handle.sync();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.sending;
    await this.handle.close();
  }

  /** For who follows it while it grows; the handle is the caller's to close. */
  openToRead(): Promise<FileHandle> {
    return this.openFiles.open(this.path);
  }

  /** Removes the file and gives its room back once nobody reads it; safe at any time, also twice and after the file became a blob. */
  async discard(): Promise<void> {
    const { reservation } = this;
    try {
      await this.close();
      const left = await stat(this.path).catch(absentIfMissing);
      await rm(this.path, { force: true });
      reservation.grown();
      if (left) return this.openFiles.whenClosed(left, () => reservation.release());
    } catch (error) {
      // It lies there still: what it takes is used.
      reservation.settle(roundToBlocks(this.written));
      throw asDiskError(error);
    }
    reservation.release();
  }

  private send(): void {
    if (this.sending) return;
    this.sent = this.written;
    const failed = (error: unknown): void => {
      this.failure ??= error;
    };
    this.sending = this.handle.datasync().catch(failed).finally(() => (this.sending = undefined));
  }
}
