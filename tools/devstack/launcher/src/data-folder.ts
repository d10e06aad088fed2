import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { isAlive } from './is-alive';

/** The longest that processes of a killed launcher take to notice and end. */
const LEFTOVERS_END_WITHIN_MS = 5_000;
const FOLDERS = ['eventstore', 'mongodb', 'cache', 'simulator', 'logs'] as const;
const SQLITE_BUSY = 5;

export interface DevelopmentKey {
  readonly key: string;
  readonly file: string;
  readonly keysFile: string;
}

interface ApiKeyEntry {
  readonly name: string;
  readonly sha256: string;
  readonly owner: string;
  readonly scopes: readonly string[];
}

/** The one folder that holds all that a running system keeps. One system at a time uses it. */
export class DataFolder {
  private constructor(readonly path: string, private readonly lock: DatabaseSync) {}

  /**
   * Makes the folder where there is none (readable by this user only) and locks it. The lock ends with this process.
   * @throws Error naming the process that uses the folder
   */
  static async open(path: string): Promise<DataFolder> {
    for (const folder of ['', ...FOLDERS]) mkdirSync(join(path, folder), { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
    const lock = new DatabaseSync(join(path, 'lock'), { timeout: 0 });
    try {
      lock.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      lock.close();
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
      throw new Error(`${path} is in use by the system with process id ${launcherPid(path)}. Stop that one, or choose another folder with FERRY_DATA_DIR.`);
    }
    const folder = new DataFolder(path, lock);
    await folder.waitForLeftovers();
    folder.recordProcesses({});
    return folder;
  }

  file(...names: string[]): string {
    return join(this.path, ...names);
  }

  /** Who runs now: read by the message of a second start, and by the next start after a launcher that was killed. */
  recordProcesses(children: Readonly<Record<string, number | undefined>>): void {
    writeAtomically(this.file('processes.json'), JSON.stringify({ launcher: process.pid, ...children }));
  }

  /** Made once: 32 random bytes, kept in a file that only this user can read. */
  secret(name: string, prefix = ''): string {
    const file = this.file(name);
    if (!existsSync(file)) writeAtomically(file, `${prefix}${randomBytes(32).toString('base64url')}\n`);
    return readFileSync(file, 'utf8').trim();
  }

  /** The development key (owner `dev`, admin). Keys that the user added to the keys file stay. */
  developmentKey(): DevelopmentKey {
    const key = this.secret('dev-api-key', 'ferry_dev_');
    const keysFile = this.file('api-keys.json');
    const others = existsSync(keysFile) ? (JSON.parse(readFileSync(keysFile, 'utf8')) as ApiKeyEntry[]).filter(({ name }) => name !== 'dev') : [];
    const dev: ApiKeyEntry = { name: 'dev', sha256: createHash('sha256').update(key).digest('hex'), owner: 'dev', scopes: ['admin'] };
    writeAtomically(keysFile, `${JSON.stringify([dev, ...others], undefined, 2)}\n`);
    return { key, file: this.file('dev-api-key'), keysFile };
  }

  close(): void {
    this.recordProcesses({});
    this.lock.close();
  }

  private async waitForLeftovers(): Promise<void> {
    const deadline = performance.now() + LEFTOVERS_END_WITHIN_MS;
    const { launcher: _launcher, ...children } = recordedProcesses(this.path);
    while (Object.values(children).some(isAlive) && performance.now() < deadline) await pause(50);
  }
}

function recordedProcesses(path: string): Record<string, number> {
  const file = join(path, 'processes.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>) : {};
}

const launcherPid = (path: string): string => String(recordedProcesses(path).launcher ?? 'unknown');

/** Whole or not at all, and for this user only. */
export function writeAtomically(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
