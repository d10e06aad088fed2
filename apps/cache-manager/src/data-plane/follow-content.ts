import { randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FerryError } from '@ferry/kernel';
import { attemptGone, type GrowingFile, type GrowingFiles } from '../cache/growing-files';
import type { Leases } from '../cache/leases';
import { errnoOf } from '../disk/disk-errors';
import { sendBytes } from './send-bytes';
import type { FollowClaims, GetClaims } from './signed-url';

export interface FollowParts {
  readonly growing: GrowingFiles;
  readonly leases: Leases;
  /** Milliseconds that the file may stay as it is before the reader is given up. */
  readonly silentMs: number;
  readonly totalMs: number;
}

/**
 * GET and HEAD of a file while it is written, for one attempt: all of it from the start, as it comes, never faster than
 * it is read. The connection breaks when the attempt does, so that what was read is never taken for the file.
 * @returns false where the attempt's file is stored by now: it is the cached file
 * @throws FerryError ATTEMPT_GONE, BODY_TIMEOUT, TOO_MANY_LEASES
 */
export const followContent = async (parts: FollowParts, claims: GetClaims & FollowClaims, request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
  const { assetId, owner, follows, run } = claims;
  const file = parts.growing.require({ assetId, owner, ...follows });
  // The file must not be evicted between its end and the reader's.
  const { leaseId } = parts.leases.acquire(owner, assetId, `${run}:follows:${randomUUID()}`, parts.totalMs);
  let handle: FileHandle | undefined;
  try {
    handle = await openGrowing(file, parts.silentMs);
    if (!handle) return false;
    const sizeBytes = file.facts.sizeBytes!;
    response.writeHead(200, { 'content-type': follows.mimeType, 'content-length': sizeBytes, 'accept-ranges': 'none' });
    if (request.method === 'HEAD') response.end();
    else await sendGrowing(parts, file, handle, response);
    return true;
  } finally {
    parts.leases.release(owner, leaseId);
    await handle?.close();
  }
};

/** Undefined where it is stored: it has left its place, or is about to. @throws FerryError ATTEMPT_GONE */
const openGrowing = async (file: GrowingFile, silentMs: number): Promise<FileHandle | undefined> => {
  while (file.state === 'growing') {
    try {
      return await file.facts.open();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      if (!(await file.change(silentMs))) throw attemptGone();
    }
  }
  if (file.state === 'broken') throw attemptGone();
  return undefined;
};

const sendGrowing = ({ silentMs, totalMs }: FollowParts, file: GrowingFile, handle: FileHandle, response: ServerResponse): Promise<void> => {
  const readable = async (offset: number): Promise<number> => {
    while (file.written <= offset) {
      file.broken.throwIfAborted();
      if (!(await file.change(silentMs))) throw new FerryError('BODY_TIMEOUT', 'timeout', `The file did not grow for ${silentMs} ms.`);
    }
    return file.written;
  };
  const signal = AbortSignal.any([file.broken, AbortSignal.timeout(totalMs)]);
  return sendBytes(response, { handle, start: 0, end: file.facts.sizeBytes! - 1, readable, signal });
};
