import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of buffers that come and go between two collections. */
const EVERY_BYTES = 8 * 1024 ** 2;

type Collect = (options: { readonly type: 'minor' }) => void;

let collect: Collect | undefined;
let passed = 0;

const collector = (): Collect => {
  setFlagsFromString('--expose-gc');
  // Such buffers count towards V8's limit for old objects, which it may set a few megabytes above what lives: it would go through the
  // whole heap for every few of them.
  setFlagsFromString('--heap-growing-percent=50');
  return runInNewContext('gc') as Collect;
};

/**
 * To be told of every piece that is read from a socket. Each is a buffer of its own outside of V8's heap, and V8 lets those that nobody
 * uses any more grow to some 100 MB before it looks. A collection of the young ones takes about a millisecond and keeps a process that
 * streams as small as one that does not.
 */
export const bufferPassed = (bytes: number): void => {
  passed += bytes;
  if (passed < EVERY_BYTES) return;
  passed = 0;
  collect ??= collector();
  collect({ type: 'minor' });
};
