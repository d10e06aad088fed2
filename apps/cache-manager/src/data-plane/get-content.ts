import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { CachedFile } from '@ferry/contracts';
import type { FileHandle } from 'node:fs/promises';
import type { AccessLog } from '../cache/access-log';
import type { FileKeeper } from '../cache/file-keeper';
import { parseRange, type ByteRange } from './range';
import type { GetClaims } from './signed-url';

/** Larger pieces than the default of 64 KiB: few system calls per byte. */
const CHUNK_BYTES = 1024 * 1024;

export interface GetParts {
  readonly keeper: FileKeeper;
  readonly accesses: AccessLog;
  /** Milliseconds that a whole answer may take. */
  readonly totalMs: number;
}

/**
 * GET and HEAD: the cached file or one range of it, with its exact length and type, and its hash as ETag.
 * @throws FerryError NOT_CACHED, FILE_DAMAGED, FILE_MISSING, RANGE_NOT_SATISFIABLE
 */
export const getContent = async ({ keeper, accesses, totalMs }: GetParts, claims: GetClaims, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { file, handle } = await keeper.open(claims.owner, claims.assetId);
  try {
    accesses.touch(claims.assetId);
    const range = sendHead(file, request, response);
    if (request.method === 'HEAD') response.end();
    else await sendBody(handle, range, response, totalMs);
  } finally {
    await handle.close();
  }
};

const sendHead = ({ sizeBytes, sha256, mimeType }: CachedFile, request: IncomingMessage, response: ServerResponse): ByteRange => {
  const etag = `"${sha256}"`;
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

const sendBody = (handle: FileHandle, { start, end }: ByteRange, response: ServerResponse, totalMs: number): Promise<void> =>
  pipeline(handle.createReadStream({ start, end, highWaterMark: CHUNK_BYTES, autoClose: false }), response, { signal: AbortSignal.timeout(totalMs) });
