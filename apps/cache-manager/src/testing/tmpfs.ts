import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FILLER = 'of-others';
const CHUNK_BYTES = 64 * 1024;

const run = (...[command, ...args]: [string, ...string[]]): string => execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });

/** A small volume of its own, which can be filled and made read-only. */
export class Tmpfs {
  private constructor(readonly path: string) {}

  /** @param path a folder that is made where it is not there */
  static async mount(path: string, bytes: number): Promise<Tmpfs> {
    await mkdir(path, { recursive: true });
    run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'ferry-spec', path);
    return new Tmpfs(path);
  }

  async free(): Promise<number> {
    const { bavail, bsize } = await statfs(this.path);
    return bavail * bsize;
  }

  /** Somebody else writes a file, until no more than so many bytes are free. */
  async fill(leftBytes = 0): Promise<void> {
    const file = await open(join(this.path, FILLER), 'a');
    try {
      for (let free = await this.free(); free > leftBytes; free = await this.free()) await file.write(Buffer.alloc(Math.min(CHUNK_BYTES, free - leftBytes), 1));
    } finally {
      await file.close();
    }
  }

  /** And deletes it. */
  unfill(): Promise<void> {
    return rm(join(this.path, FILLER), { force: true });
  }

  /** Whoever opens or deletes something by its path is refused from now on. */
  makeReadOnly(): void {
    run('mount', '--bind', this.path, this.path);
    run('mount', '-o', 'remount,ro,bind', this.path);
  }

  makeWritable(): void {
    run('umount', '-l', this.path);
  }

  unmount(): void {
    run('umount', '-l', this.path);
  }
}

/** Why no volume can be mounted here; undefined where it can. */
const whyNotMounted = (): string | undefined => {
  const folder = mkdtempSync(join(tmpdir(), 'ferry-mount-'));
  try {
    run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'ferry-spec', folder);
    run('umount', folder);
    return undefined;
  } catch (error) {
    return `no tmpfs can be mounted here: ${(error as Error).message.split('\n').at(-2) ?? (error as Error).message}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** Cases that need a volume of their own; skipped where none can be mounted, and says why. */
export const describeOnTmpfs = (name: string, cases: () => void): void => {
  const reason = whyNotMounted();
  if (reason === undefined) describe(name, cases);
  else describe.skip(`${name} (${reason})`, cases);
};
