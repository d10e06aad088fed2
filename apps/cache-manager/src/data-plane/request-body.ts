import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { FerryError } from '@ferry/kernel';
import { bufferPassed } from '@ferry/resilience';
import { contentTruncated } from '../media/media-errors';

const BUFFER_BYTES = 256 * 1024;
/** A refused sender may still be sending: this long it is read and ignored, so that it gets to read the refusal. */
const LINGER_MS = 5_000;

/** Milliseconds. */
export interface BodyDeadlines {
  /** Between two pieces. */
  readonly idleMs: number;
  readonly totalMs: number;
}

/** A request's body whose end can be forced without losing the connection, which still carries the answer. */
export class RequestBody {
  readonly stream = new PassThrough({ highWaterMark: BUFFER_BYTES });

  constructor(
    request: IncomingMessage,
    { idleMs, totalMs }: BodyDeadlines,
    signal: AbortSignal,
  ) {
    const stop = (error: unknown): void => void this.stream.destroy(error as Error);
    const idle = setTimeout(() => stop(late(`nothing came for ${idleMs} ms`)), idleMs);
    const total = setTimeout(() => stop(late(`it took longer than ${totalMs} ms`)), totalMs);
    request.on('data', (piece: Buffer) => {
      idle.refresh();
      bufferPassed(piece.length);
    });
    request.once('error', () => stop(contentTruncated('the connection broke off')));
    signal.addEventListener('abort', () => stop(signal.reason), { once: true });
    // Neither is told again of what came before it was asked.
    if (signal.aborted) stop(signal.reason);
    if (request.destroyed) stop(contentTruncated('the connection broke off'));
    this.stream.once('close', () => [idle, total].forEach((timer) => clearTimeout(timer)));
    request.pipe(this.stream);
  }
}

/** After a refusal: reads on for a while, then closes the connection. */
export const discardRest = (request: IncomingMessage): void => {
  if (request.complete) return;
  request.resume();
  const close = setTimeout(() => request.socket.destroy(), LINGER_MS).unref();
  request.once('close', () => clearTimeout(close));
};

const late = (why: string): FerryError => new FerryError('BODY_TIMEOUT', 'timeout', `The content did not come in time: ${why}. Begin the next attempt.`);
