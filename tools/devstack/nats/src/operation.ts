/** One message as it came in. */
export interface Message {
  subject: string;
  reply?: string;
  /** Bytes of the header block at the start of `body`; 0 for a message without headers. */
  headerSize: number;
  /** Bytes of headers plus payload. */
  size: number;
  /** Headers, payload and the closing CR LF: `size` + 2 bytes. */
  body: Buffer;
}

/**
 * What a client may ask. Subjects and ids are latin1 strings, one character per byte, so that any bytes go out as they
 * came in.
 */
export type Operation =
  | { type: 'CONNECT'; json: string }
  | { type: 'PING' | 'PONG' | 'IGNORED' }
  | { type: 'SUB'; subject: string; queue?: string; sid: string }
  | { type: 'UNSUB'; sid: string; max?: number }
  | { type: 'PUB'; message: Message; hasHeaders: boolean };

/** A breach of the protocol. The message goes to the client as `-ERR '…'`, then its connection is closed. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

export const unknownOperation = () => new ProtocolError('Unknown Protocol Operation');

/** nats-server closes without a word here; its documentation lists this text. */
export const parserError = () => new ProtocolError('Parser Error');
