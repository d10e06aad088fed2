import { FerryError } from '@ferry/kernel';

export const errnoOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

/** For `catch`: undefined where the file is not there, every other error goes on. */
export const absentIfMissing = (error: unknown): undefined => {
  if (errnoOf(error) === 'ENOENT') return undefined;
  throw error;
};

/** What the operating system says about the volume, as an error that a caller can act on. */
export const asDiskError = (error: unknown): unknown => {
  const errno = errnoOf(error);
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    return new FerryError('CACHE_FULL', 'no-space', 'The volume of the cache is full. Free space on it, or lower CACHE_MAX_BYTES below its size.', {
      heldBy: { volume: true },
    });
  }
  if (errno === 'EROFS' || errno === 'EACCES' || errno === 'EPERM' || errno === 'EIO') {
    return new FerryError('CACHE_UNAVAILABLE', 'unavailable', `The disk of the cache refuses to be read or written (${errno}). Check the volume and its permissions.`);
  }
  return error;
};
