import type { Socket } from 'node:net';
import { errorReply } from '../commands/dispatch';
import { MongoError } from '../errors';
import { encodeReply, isSilent, MAX_MESSAGE_BYTES, type Message, parseMessage } from './messages';

const LENGTH_BYTES = 4;
const HEADER_BYTES = 16;

/** Cuts the bytes of a socket into messages. Reads no more while the client does not read what it is sent. */
export function serveConnection(socket: Socket, handle: (message: Message, send: (reply: Buffer) => void) => void): void {
  let chunks: Buffer[] = [];
  let length = 0;

  const take = (size: number): Buffer => {
    const all = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length);
    chunks = all.length > size ? [all.subarray(size)] : [];
    length -= size;
    return all.subarray(0, size);
  };

  const send = (reply: Buffer): void => {
    if (!socket.writable || socket.write(reply) || socket.isPaused()) return;
    socket.pause();
    socket.once('drain', () => socket.resume());
  };

  /** What is no message ends the connection; one whose documents are malformed is answered as any other that fails. */
  const refuse = (bytes: Buffer, error: unknown): void => {
    const reply = encodeReply({ requestId: bytes.readInt32LE(4), legacy: false }, errorReply(error));
    if (!isReadable(error)) socket.end(reply);
    else if (!isSilent(bytes)) send(reply);
  };

  const receive = (bytes: Buffer): void => {
    let message: Message;
    try {
      message = parseMessage(bytes);
    } catch (error) {
      refuse(bytes, error);
      return;
    }
    handle(message, send);
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
      receive(take(size));
    }
  });
}

const BSON_ERRORS = new Set([15, 22]);
const isReadable = (error: unknown): boolean => error instanceof MongoError && BSON_ERRORS.has(error.code);

function messageSize(chunks: Buffer[]): number {
  const [first] = chunks;
  if (first && first.length >= LENGTH_BYTES) return first.readInt32LE(0);
  return Buffer.concat(chunks).readInt32LE(0);
}
