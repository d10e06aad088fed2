import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from './disk-errors';

/** Makes the names in a folder outlive a loss of power. */
export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** A folder whose own name is on the disk for good. */
export const ensureFolder = async (folder: string): Promise<void> => {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (made !== undefined) await syncFolder(dirname(made));
};

/** Gives a file a second name in one step, also where that name is taken. @param temporary a free name on the same volume */
export const linkOver = async (existing: string, name: string, temporary: string): Promise<void> => {
  try {
    await link(existing, name);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    await link(existing, temporary);
    await rename(temporary, name);
    // Renaming one name of a file onto another name of the same file does nothing, and leaves both.
    await rm(temporary, { force: true });
  }
};
