import { DatabaseSync } from 'node:sqlite';
import { FerryError } from '@ferry/kernel';

const SQLITE_BUSY = 5;

/**
 * Keeps a second cache-manager off this folder. It is SQLite's exclusive file lock, the one lock of the operating
 * system that Node offers: it ends with the process, however that ends, and holds across containers of one machine.
 */
export class FolderLock {
  private constructor(private readonly database: DatabaseSync) {}

  /** @throws FerryError CACHE_FOLDER_IN_USE */
  static take(lockFile: string, folder: string): FolderLock {
    const database = new DatabaseSync(lockFile, { timeout: 0 });
    try {
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      return new FolderLock(database);
    } catch (error) {
      database.close();
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
      throw new FerryError(
        'CACHE_FOLDER_IN_USE',
        'conflict',
        `Another cache-manager works on ${folder}. Stop it first, or give this one its own folder in CACHE_DIR.`,
      );
    }
  }

  release(): void {
    this.database.close();
  }
}
