import type { FileHandle } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { contentTruncated } from '../media/media-errors';
import { SendBuffers } from './send-buffers';

/** 24 MiB at most; with a thousand connections at a time, 128 MiB more in small ones. */
const buffers = new SendBuffers(12, 4);

export interface Sending {
  readonly handle: FileHandle;
  readonly start: number;
  /** The last byte's offset. */
  readonly end: number;
  /** The first offset that cannot be read yet, beyond `offset`; waits until there is one. */
  readonly readable: (offset: number) => Promise<number> | number;
  /** Breaks the answer off, also while the reader takes nothing. */
  readonly signal: AbortSignal;
}

/**
 * Sends a part of a file. A piece is read while the one before leaves for the network, and none ahead of that: a slow
 * reader costs two buffers, whatever the file's size.
 */
export const sendBytes = async (response: ServerResponse, sending: Sending): Promise<void> => {
  const { start, end, signal } = sending;
  const breakOff = (): void => void response.destroy();
  signal.addEventListener('abort', breakOff, { once: true });
  const pair = [buffers.take(end - start + 1), buffers.take(end - start + 1)] as const;
  let sent = false;
  try {
    await sendPieces(response, sending, pair);
    signal.throwIfAborted();
    response.end();
    sent = true;
  } finally {
    // Of an answer that was broken off, a read may still be under way.
    for (const buffer of pair) buffers.giveBack(buffer, sent);
    signal.removeEventListener('abort', breakOff);
  }
};

const sendPieces = async (response: ServerResponse, sending: Sending, pair: readonly [Buffer, Buffer]): Promise<void> => {
  let leaving = Promise.resolve();
  for (let [offset, turn] = [sending.start, 0]; offset <= sending.end; turn = 1 - turn) {
    const [piece] = await Promise.all([readPiece(sending, offset, pair[turn]!), leaving]);
    sending.signal.throwIfAborted();
    leaving = write(response, piece);
    offset += piece.length;
  }
  await leaving;
};

const readPiece = async ({ handle, end, readable }: Sending, offset: number, buffer: Buffer): Promise<Buffer> => {
  const until = Math.min(await readable(offset), end + 1);
  const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, until - offset), offset);
  if (bytesRead === 0) throw contentTruncated('the file ends earlier than it should');
  return buffer.subarray(0, bytesRead);
};

/** Until the piece was handed to the network, so that its buffer can be used again. */
const write = (response: ServerResponse, piece: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    const gone = (): void => reject(contentTruncated('the reader went away'));
    if (response.destroyed) return gone();
    response.once('close', gone);
    response.write(piece, (error) => {
      response.removeListener('close', gone);
      if (error) gone();
      else resolve();
    });
  });
