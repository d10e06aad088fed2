/** The rules of a stream in their plainest form: an array of ids, and what hides its beginning. */
export interface ModelStream {
  ids: string[];
  truncateBefore: number;
  maxCount: number | undefined;
  deleted: boolean;
  tombstoned: boolean;
  hasMetadata: boolean;
}

export type Expected = number | 'any' | 'no_stream' | 'stream_exists';

/** What an operation came to: the revision after it, or the type of the error. */
export type Outcome = bigint | 'wrong-expected-version' | 'stream-deleted' | 'stream-not-found';

export const newModelStream = (): ModelStream =>
  ({ ids: [], truncateBefore: 0, maxCount: undefined, deleted: false, tombstoned: false, hasMetadata: false });

/** Undefined when the write may go on; ids that were never used before. */
function refuse(stream: ModelStream, expected: Expected): Outcome | undefined {
  const current = stream.ids.length - 1;
  if (stream.tombstoned) return 'stream-deleted';
  if (expected === 'any') return undefined;
  if (expected === 'stream_exists') {
    if (stream.deleted) return 'stream-deleted';
    return current >= 0 || stream.hasMetadata ? undefined : 'wrong-expected-version';
  }
  if (expected === 'no_stream') return current === -1 || stream.deleted ? undefined : 'wrong-expected-version';
  return expected === current ? undefined : 'wrong-expected-version';
}

export function modelAppend(stream: ModelStream, ids: string[], expected: Expected): Outcome {
  const refused = refuse(stream, expected);
  if (refused !== undefined) return refused;
  if (stream.deleted) Object.assign(stream, { deleted: false, truncateBefore: stream.ids.length, maxCount: undefined });
  stream.ids.push(...ids);
  return BigInt(stream.ids.length - 1);
}

/** The same ids again at the revision that they were first written at. */
export function modelRepeat(stream: ModelStream, after: number, ids: string[]): Outcome {
  if (stream.tombstoned) return 'stream-deleted';
  return BigInt(after + ids.length);
}

export function modelDelete(stream: ModelStream, expected: Expected): Outcome {
  const refused = refuse(stream, expected);
  if (refused !== undefined) return refused;
  if (stream.ids.length === 0 && !stream.hasMetadata) return 'wrong-expected-version';
  Object.assign(stream, { deleted: true, hasMetadata: true });
  return 0n;
}

export function modelTombstone(stream: ModelStream, expected: Expected): Outcome {
  const refused = refuse(stream, expected);
  if (refused !== undefined) return refused;
  stream.tombstoned = true;
  return 0n;
}

export function modelSetMetadata(stream: ModelStream, metadata: { maxCount?: number; truncateBefore?: number }): Outcome {
  if (stream.tombstoned) return 'stream-deleted';
  const truncateBefore = stream.deleted ? stream.ids.length : (metadata.truncateBefore ?? 0);
  Object.assign(stream, { maxCount: metadata.maxCount, truncateBefore, deleted: false, hasMetadata: true });
  return 0n;
}

/** The visible events, oldest first. */
export function modelRead({ ids, truncateBefore, maxCount, deleted, tombstoned }: ModelStream): string[] | Outcome {
  if (tombstoned) return 'stream-deleted';
  if (deleted || ids.length === 0) return 'stream-not-found';
  return ids.slice(Math.max(truncateBefore, maxCount === undefined ? 0 : ids.length - maxCount));
}
