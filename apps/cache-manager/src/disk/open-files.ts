import type { EventEmitter } from 'node:events';
import { constants, type Stats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/** Which files are open to be read: what has lost its last name takes room on the disk until it is closed. */
export class OpenFiles {
  private readonly readers = new Map<number, number>();
  /** By inode: what to do when the file is closed. */
  private readonly waiting = new Map<number, (() => void)[]>();
  private readonly opening = new Set<Promise<unknown>>();

  /** To be read; no link is followed. */
  async open(path: string): Promise<FileHandle> {
    const opening = this.register(path);
    this.opening.add(opening);
    try {
      return await opening;
    } finally {
      this.opening.delete(opening);
    }
  }

  /** The file has no name any more: calls `free` once nobody reads it, at once where nobody does. */
  whenClosed({ ino }: Stats, free: () => void): void {
    if (this.opening.size) void Promise.allSettled([...this.opening]).then(() => this.freeUnlessRead(ino, free));
    else this.freeUnlessRead(ino, free);
  }

  private freeUnlessRead(ino: number, free: () => void): void {
    if (this.readers.has(ino)) this.waiting.set(ino, [...(this.waiting.get(ino) ?? []), free]);
    else free();
  }

  private async register(path: string): Promise<FileHandle> {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const { ino } = await handle.stat();
      this.readers.set(ino, (this.readers.get(ino) ?? 0) + 1);
      // Its types do not say that it tells of its end.
      (handle as FileHandle & EventEmitter).once('close', () => this.closed(ino));
    } catch (error) {
      await handle.close();
      throw error;
    }
    return handle;
  }

  private closed(ino: number): void {
    const left = this.readers.get(ino)! - 1;
    if (left) return void this.readers.set(ino, left);
    this.readers.delete(ino);
    const free = this.waiting.get(ino) ?? [];
    this.waiting.delete(ino);
    for (const one of free) one();
  }
}
