import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CachedFile } from '@ferry/contracts';
import { stepBoundary } from '@ferry/observability';
import type { Attempts } from '../cache/attempts';
import type { CacheIndex } from '../cache/cache-index';
import type { FileKeeper } from '../cache/file-keeper';
import type { FileReceiver } from '../cache/file-receiver';
import { contentLengthMismatch } from '../media/media-errors';
import { RequestBody, type BodyDeadlines } from './request-body';
import type { PutClaims } from './signed-url';

export interface PutParts {
  readonly index: CacheIndex;
  readonly keeper: FileKeeper;
  readonly receiver: FileReceiver;
  readonly attempts: Attempts;
  readonly deadlines: BodyDeadlines;
}

/**
 * PUT: the bytes of one attempt, once. 201 with the cached file; 200 where it is there already, without reading the body.
 * @param proceed tells a sender that waits for it (Expect: 100-continue) to send
 * @throws FerryError PUT_SUPERSEDED, PUT_USED, and what receiving throws
 */
export const putContent = async (parts: PutParts, claims: PutClaims, request: IncomingMessage, response: ServerResponse, proceed: () => void): Promise<void> => {
  const { attempts, receiver, deadlines } = parts;
  attempts.announce(claims);
  const there = await alreadyCached(parts, claims);
  if (there) return sendFile(response, 200, there);
  const header = request.headers['content-length'];
  const length = header === undefined ? undefined : Number(header);
  // Of content that was verified once, another length tells that it has changed, or is none at all: the content itself shows which.
  const isVerified = claims.sha256 !== undefined;
  if (length !== undefined && !isVerified && claims.sizeBytes !== undefined && length !== claims.sizeBytes) throw contentLengthMismatch(claims.sizeBytes, length);
  const signal = attempts.begin(claims);
  // Nothing is read, and a waiting sender is not told to send, before there is room for it.
  const body = (broken: AbortSignal): AsyncIterable<Buffer> => {
    // Its deadlines bound the body; storing a large file may be silent for long.
    request.socket.setTimeout(0);
    proceed();
    return new RequestBody(request, deadlines, AbortSignal.any([signal, broken])).stream;
  };
  const file = await receiver.receive({ claims, body, sizeBytes: length ?? claims.sizeBytes, signal });
  attempts.end(claims);
  stepBoundary('cache.before-put-answer');
  sendFile(response, 201, file);
};

const alreadyCached = async ({ index, keeper }: PutParts, { owner, assetId, sha256 }: PutClaims): Promise<CachedFile | undefined> => {
  const found = index.find(assetId);
  if (found?.owner !== owner || (sha256 !== undefined && found.file.sha256 !== sha256)) return undefined;
  return keeper.look(owner, assetId);
};

const sendFile = (response: ServerResponse, status: number, file: CachedFile): void => {
  const body = JSON.stringify(file);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
};
