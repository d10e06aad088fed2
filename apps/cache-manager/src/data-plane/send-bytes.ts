import type { FileHandle } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { contentTruncated } from '../media/media-errors';

/** Read and sent at a time; each answer has one such buffer and no more, whatever the file's size. */
const CHUNK_BYTES = 256 * 1024;

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

/** Sends a part of a file, a piece when the one before has left for the network: a slow reader costs no memory. */
export const sendBytes = async (response: ServerResponse, { handle, start, end, readable, signal }: Sending): Promise<void> => {
  const breakOff = (): void => void response.destroy();
  signal.addEventListener('abort', breakOff, { once: true });
  try {
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, end - start + 1));
    for (let offset = start; offset <= end; ) {
      const until = Math.min(await readable(offset), end + 1);
      signal.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, until - offset), offset);
      if (bytesRead === 0) throw contentTruncated('the file ends earlier than it should');
      await write(response, buffer.subarray(0, bytesRead));
      offset += bytesRead;
    }
    signal.throwIfAborted();
    response.end();
  } finally {
    signal.removeEventListener('abort', breakOff);
  }
};

/** Until the piece was handed to the network, so that its buffer can be used again. */
const write = (response: ServerResponse, piece: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    const gone = (): void => reject(contentTruncated('the reader went away'));
    if (response.destroyed) return gone();
    response.once('close', gone);
    response.write(piece, (error) => {
      response.removeListener('close', gone);
      if (error) reject(error);
      else resolve();
    });
  });
