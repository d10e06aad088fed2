import type { ServerResponse } from 'node:http';
import { Transform } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { Fault } from './faults';
import type { StoredObject } from './object-store';

type Sending = Partial<Fault>;

/** The answer's head for a file, or for as much of it as the fault leaves. */
export const headOf = ({ mimeType, sizeBytes }: StoredObject, fault: Sending): { status: number; headers: Record<string, string | number>; sizeBytes: number } => {
  const { contentType = mimeType, unknownLength, announce, gzip, partial, headerBytes } = fault;
  const sent = partial ? Math.ceil(sizeBytes / 2) : sizeBytes;
  return {
    status: partial ? 206 : 200,
    sizeBytes: sent,
    headers: {
      'content-type': contentType,
      ...(unknownLength || gzip ? {} : { 'content-length': announce ?? sent }),
      ...(gzip ? { 'content-encoding': 'gzip' } : {}),
      ...(partial ? { 'content-range': `bytes 0-${sent - 1}/${sizeBytes}` } : {}),
      ...(headerBytes ? { 'x-filler': 'x'.repeat(headerBytes) } : {}),
    },
  };
};

/** Lets so many bytes through and no more; `then` comes once they have left. The connection's end is what ends the call. */
const upTo = (bytes: number, response: ServerResponse, then: () => void): Transform => {
  let left = bytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      if (left > 0) done(null, part);
      else response.write(part, then);
    },
  });
};

/** What stands between a file and its answer. */
export const sabotage = ({ truncateAt, resetAt, stallAt, gzip }: Sending, response: ServerResponse): Transform[] => {
  if (truncateAt !== undefined) return [upTo(truncateAt, response, () => response.destroy())];
  if (resetAt !== undefined) return [upTo(resetAt, response, () => response.socket?.resetAndDestroy())];
  if (stallAt !== undefined) return [upTo(stallAt, response, () => undefined)];
  return gzip ? [createGzip()] : [];
};
