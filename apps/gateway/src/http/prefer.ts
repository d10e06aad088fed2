import { FerryError } from '@ferry/kernel';

export const MAX_WAIT_SECONDS = 60;

/**
 * Milliseconds of `wait` in a Prefer header (RFC 7240); 0 without one. Other preferences are ignored, as the RFC says.
 * @throws FerryError VALIDATION_FAILED
 */
export const waitMsOf = (prefer: string | string[] | undefined): number => {
  const preferences = [prefer ?? []].flat().join(',').split(',');
  const wait = preferences.map((text) => /^\s*wait\s*=\s*"?([^"\s;]*)"?\s*(;.*)?$/i.exec(text)?.[1]).find((value) => value !== undefined);
  if (wait === undefined) return 0;
  const seconds = /^\d{1,6}$/.test(wait) ? Number(wait) : NaN;
  if (seconds <= MAX_WAIT_SECONDS) return seconds * 1_000;
  throw new FerryError('VALIDATION_FAILED', 'invalid', 'The request is not valid; details.errors says which fields and why.', {
    errors: [`Prefer: wait must be a whole number of seconds from 0 to ${MAX_WAIT_SECONDS}`],
  });
};
