import type { Socket } from 'node:net';
import type { Doc } from '../bson/values';
import { errorReply } from '../commands/dispatch';
import { encodeReply, MAX_MESSAGE_BYTES, type Message, parseMessage } from './messages';

const LENGTH_BYTES = 4;
const HEADER_BYTES = 16;

/** Cuts the bytes of a socket into messages and answers them in order. Reads no more while the client does not read. */
export function serveConnection(socket: Socket, handle: (message: Message) => Doc): void {
  let chunks: Buffer[] = [];
  let length = 0;

  const take = (size: number): Buffer => {
    const all = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length);
    chunks = all.length > size ? [all.subarray(size)] : [];
    length -= size;
    return all.subarray(0, size);
  };

  const answer = (bytes: Buffer): void => {
    let message: Message;
    try {
      message = parseMessage(bytes);
    } catch (error) {
      socket.end(encodeReply({ requestId: bytes.readInt32LE(4), legacy: false }, errorReply(error)));
      return;
    }
    const reply = handle(message);
    if (message.silent) return;
    if (!socket.write(encodeReply(message, reply)) && !socket.isPaused()) {
      socket.pause();
      socket.once('drain', () => socket.resume());
    }
  };

  socket.on('data', (chunk) => {
    chunks.push(chunk);
    length += chunk.length;
    while (length >= HEADER_BYTES && socket.writable) {
      const size = messageSize(chunks);
      if (size < HEADER_BYTES || size > MAX_MESSAGE_BYTES) {
        socket.destroy();
        return;
      }
      if (length < size) return;
      answer(take(size));
    }
  });
}

function messageSize(chunks: Buffer[]): number {
  const [first] = chunks;
  if (first && first.length >= LENGTH_BYTES) return first.readInt32LE(0);
  return Buffer.concat(chunks).readInt32LE(0);
}
