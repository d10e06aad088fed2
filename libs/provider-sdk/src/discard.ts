import type { Readable } from 'node:stream';

/** Closes a stream that nobody reads on, and its socket. What that breaks off has nobody to be told to. */
export const discard = (stream: Readable): void => {
  stream.once('error', () => undefined).destroy();
};
