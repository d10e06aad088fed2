import { decodeDocument } from '../bson/decode';
import { encodeDocument } from '../bson/encode';
import { type Doc, RawDocument, type Value } from '../bson/values';
import { MongoError } from '../errors';

/** The largest message, in bytes, that the server takes. */
export const MAX_MESSAGE_BYTES = 48_000_000;

const HEADER_BYTES = 16;
const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const CHECKSUM_PRESENT = 1;
const MORE_TO_COME = 2;
const REQUIRED_FLAGS = 0xffff;
const CHECKSUM_BYTES = 4;
/** OP_QUERY: flags before the name of the collection, then two numbers after it. */
const FLAGS_BYTES = 4;
const SKIP_AND_LIMIT_BYTES = 8;

/** What an insert brings: stored as it came, so each is decoded when its turn comes. */
const INSERTED = 'documents';

/** A command as it came over the wire. */
export interface Message {
  requestId: number;
  body: Doc;
  /** The client waits for no answer. */
  silent: boolean;
  /** The old form, used only to say hello. */
  legacy: boolean;
}

/** Reads one whole message. Throws ProtocolError (17) or InvalidBSON (22). */
export function parseMessage(bytes: Buffer): Message {
  const requestId = bytes.readInt32LE(4);
  const code = bytes.readInt32LE(12);
  if (code === OP_MSG) return parseCommand(bytes, requestId);
  if (code === OP_QUERY) return parseQuery(bytes, requestId);
  throw new MongoError(17, `unsupported wire operation ${code}`);
}

/** Whether the client waits for no answer, of a message that may be malformed. */
export const isSilent = (bytes: Buffer): boolean => bytes.readInt32LE(12) === OP_MSG && (bytes.readUInt32LE(HEADER_BYTES) & MORE_TO_COME) !== 0;

function parseCommand(bytes: Buffer, requestId: number): Message {
  const flags = bytes.readUInt32LE(HEADER_BYTES);
  if ((flags & REQUIRED_FLAGS & ~(CHECKSUM_PRESENT | MORE_TO_COME)) !== 0) throw new MongoError(17, `unknown message flags ${flags}`);
  const end = bytes.length - ((flags & CHECKSUM_PRESENT) !== 0 ? CHECKSUM_BYTES : 0);
  let body: Doc | undefined;
  const sequences: [string, Value[]][] = [];
  for (let at = HEADER_BYTES + 4; at < end; ) {
    const kind = bytes.readUInt8(at);
    const size = bytes.readInt32LE(at + 1);
    if (size < 5 || at + 1 + size > end) throw new MongoError(17, `a section of ${size} bytes does not fit its message`);
    if (kind === 0) body = decodeDocument(bytes, at + 1);
    else if (kind === 1) sequences.push(parseSequence(bytes, at + 1, at + 1 + size));
    else throw new MongoError(17, `unknown section kind ${kind}`);
    at += 1 + size;
  }
  if (!body) throw new MongoError(17, 'a message needs a body');
  for (const [name, documents] of sequences) body.set(name, documents);
  return { requestId, body, silent: isSilent(bytes), legacy: false };
}

function parseSequence(bytes: Buffer, start: number, end: number): [string, Value[]] {
  const nameEnd = bytes.indexOf(0, start + 4);
  if (nameEnd < 0 || nameEnd >= end) throw new MongoError(17, 'a section without a name');
  const name = bytes.toString('utf8', start + 4, nameEnd);
  const documents: Value[] = [];
  for (let at = nameEnd + 1; at < end; ) {
    const next = at + bytes.readInt32LE(at);
    if (next < at + 5 || next > end) throw new MongoError(22, `Invalid BSON: document size ${next - at}`);
    documents.push(name === INSERTED ? new RawDocument(bytes.subarray(at, next)) : decodeDocument(bytes, at));
    at = next;
  }
  return [name, documents];
}

function parseQuery(bytes: Buffer, requestId: number): Message {
  const start = HEADER_BYTES + FLAGS_BYTES;
  const end = bytes.indexOf(0, start);
  const collection = bytes.toString('utf8', start, end);
  if (!collection.endsWith('.$cmd')) throw new MongoError(17, 'OP_QUERY is only there for hello');
  const body = decodeDocument(bytes, end + 1 + SKIP_AND_LIMIT_BYTES);
  const [name] = body.keys();
  if (name?.toLowerCase() !== 'ismaster' && name !== 'hello') throw new MongoError(17, 'OP_QUERY is only there for hello');
  body.set('$db', collection.slice(0, -'.$cmd'.length));
  return { requestId, body, silent: false, legacy: true };
}

let lastRequestId = 0;

/** What follows the header of OP_MSG: the flags and the kind of the section, all zero. */
const REPLY_PREFIX = 5;
/** What follows the header of OP_REPLY: flags (4), cursor (8), offset (4), number of documents (4). */
const LEGACY_PREFIX = 20;
const AWAIT_CAPABLE = 8;

export function encodeReply({ requestId, legacy }: Pick<Message, 'requestId' | 'legacy'>, reply: Doc): Buffer {
  const bytes = encodeDocument(reply, HEADER_BYTES + (legacy ? LEGACY_PREFIX : REPLY_PREFIX));
  lastRequestId = (lastRequestId + 1) & 0x7fffffff;
  bytes.writeInt32LE(bytes.length, 0);
  bytes.writeInt32LE(lastRequestId, 4);
  bytes.writeInt32LE(requestId, 8);
  bytes.writeInt32LE(legacy ? OP_REPLY : OP_MSG, 12);
  if (legacy) {
    bytes.writeInt32LE(AWAIT_CAPABLE, HEADER_BYTES);
    bytes.writeInt32LE(1, HEADER_BYTES + 16);
  }
  return bytes;
}
