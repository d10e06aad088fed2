import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CachedFile } from '@ferry/contracts';
import { randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { AccessLog } from '../cache/access-log';
import type { FileKeeper } from '../cache/file-keeper';
import { followContent, type FollowParts } from './follow-content';
import { parseRange, type ByteRange } from './range';
import { sendBytes } from './send-bytes';
import type { GetClaims } from './signed-url';

export interface GetParts extends FollowParts {
  readonly keeper: FileKeeper;
  readonly accesses: AccessLog;
}

/**
 * GET and HEAD: the cached file or one range of it, with its exact length and type, and its hash as ETag; 304 where the
 * reader has it already. Where the address is bound to an attempt of a download, what that attempt brings, also while it comes.
 * @throws FerryError NOT_CACHED, FILE_DAMAGED, FILE_MISSING, RANGE_NOT_SATISFIABLE, ATTEMPT_GONE, BODY_TIMEOUT, TOO_MANY_LEASES
 */
export const getContent = async (parts: GetParts, claims: GetClaims, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { leases, totalMs } = parts;
  const { follows } = claims;
  if (follows && (await followContent(parts, { ...claims, follows }, request, response))) return;
  // What is being read takes room on the disk until it is closed: it is not evicted before.
  const { leaseId } = leases.acquire(claims.owner, claims.assetId, `read:${randomUUID()}`, totalMs);
  try {
    await sendFile(parts, claims, request, response);
  } finally {
    leases.release(claims.owner, leaseId);
  }
};

const sendFile = async ({ keeper, accesses, totalMs }: GetParts, claims: GetClaims, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { file, handle } = await keeper.open(claims.owner, claims.assetId);
  try {
    accesses.touch(claims.assetId);
    const range = sendHead(file, request, response);
    if (range && request.method === 'GET') await sendBody(handle, range, response, totalMs);
    else response.end();
  } finally {
    await handle.close();
  }
};

/** @returns the bytes that belong to the answer; undefined where it has none */
const sendHead = ({ sizeBytes, sha256, mimeType }: CachedFile, request: IncomingMessage, response: ServerResponse): ByteRange | undefined => {
  const etag = `"${sha256}"`;
  if (isKnown(request.headers['if-none-match'], etag)) {
    response.writeHead(304, { etag });
    return undefined;
  }
  // RFC 9110: a range counts with GET alone; HEAD tells the length of the whole.
  const { range: asked, 'if-range': condition } = request.headers;
  const counts = request.method === 'GET' && (condition === undefined || condition === etag);
  const range = counts ? parseRange(asked, sizeBytes) : undefined;
  const { start, end } = range ?? { start: 0, end: sizeBytes - 1 };
  response.writeHead(range ? 206 : 200, {
    'content-type': mimeType,
    'content-length': end - start + 1,
    'accept-ranges': 'bytes',
    etag,
    ...(range ? { 'content-range': `bytes ${start}-${end}/${sizeBytes}` } : {}),
  });
  return { start, end };
};

/** RFC 9110: If-None-Match compares weakly, with each of a list. */
const isKnown = (condition: string | undefined, etag: string): boolean => {
  const known = (condition ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return known.includes('*') || known.includes(etag);
};

const sendBody = (handle: FileHandle, { start, end }: ByteRange, response: ServerResponse, totalMs: number): Promise<void> =>
  sendBytes(response, { handle, start, end, readable: () => end + 1, signal: AbortSignal.timeout(totalMs) });
