import type { Limits } from './limits';
import { type Message, type Operation, parserError, ProtocolError, unknownOperation } from './operation';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
/** What follows the first three at once is of no consequence to nats-server. */
const WORD = /^(?:PING|PONG|\+OK|[A-Z+-]+)/i;
const BLANK = /^[ \t]/;
/** Room in a line for the operation itself: the limit is one of the arguments. */
const LONGEST_OPERATION = 'CONNECT '.length;
/** More digits than nats-server reads. */
const NUMBER = /^\d{1,9}$/;
const OPERATIONS = new Set(['CONNECT', 'INFO', 'PING', 'PONG', 'PUB', 'HPUB', 'SUB', 'UNSUB', '+OK', '-ERR']);

type Publish = Extract<Operation, { type: 'PUB' }>;

/**
 * Turns a client's bytes into operations, however they are cut into chunks. It holds at most one control line and one
 * message body.
 */
export class ProtocolParser {
  private line = '';
  private publish?: Publish;
  private filled = 0;

  constructor(private readonly limits: Pick<Limits, 'maxPayload' | 'maxControlLine'>) {}

  /** @throws {ProtocolError} after which the parser must not be used again */
  *operations(chunk: Buffer): Generator<Operation> {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.publish) {
        offset += this.fill(this.publish.message, chunk, offset);
        if (this.filled < this.publish.message.body.length) return;
        const complete = this.publish;
        this.publish = undefined;
        yield withClosedBody(complete);
      } else {
        const end = chunk.indexOf(LINE_FEED, offset);
        const line = this.takeLine(chunk, offset, end === -1 ? chunk.length : end);
        if (end === -1) return;
        offset = end + 1;
        this.line = '';
        const operation = parseLine(line, this.limits);
        if (operation.type === 'PUB') this.begin(operation);
        else yield operation;
      }
    }
  }

  private takeLine(chunk: Buffer, start: number, end: number): string {
    const room = this.limits.maxControlLine + LONGEST_OPERATION + 1 - this.line.length;
    this.line += chunk.toString('latin1', start, Math.min(end, start + room));
    if (end - start > room) {
      throw OPERATIONS.has(wordOf(this.line)) ? lineTooLong() : unknownOperation();
    }
    return this.line;
  }

  private begin(publish: Publish): void {
    this.publish = publish;
    this.filled = 0;
  }

  /** Takes a body that is whole in this chunk as it is, and copies one that is cut. */
  private fill(message: Message, chunk: Buffer, offset: number): number {
    const wanted = message.size + 2;
    if (this.filled === 0) {
      if (chunk.length - offset >= wanted) {
        message.body = chunk.subarray(offset, offset + wanted);
        this.filled = wanted;
        return wanted;
      }
      message.body = Buffer.allocUnsafe(wanted);
    }
    const taken = chunk.copy(message.body, this.filled, offset, Math.min(chunk.length, offset + wanted - this.filled));
    this.filled += taken;
    return taken;
  }
}

function withClosedBody(publish: Publish): Publish {
  const { body, size } = publish.message;
  if (body[size] !== CARRIAGE_RETURN || body[size + 1] !== LINE_FEED) throw unknownOperation();
  return publish;
}

const lineTooLong = () => new ProtocolError('maximum control line exceeded');

function wordOf(line: string): string {
  return WORD.exec(line)?.[0].toUpperCase() ?? '';
}

function parseLine(line: string, { maxPayload, maxControlLine }: Pick<Limits, 'maxPayload' | 'maxControlLine'>): Operation {
  const word = wordOf(line);
  const rest = line.slice(word.length);
  if (withoutBlanks(rest).length > maxControlLine) throw lineTooLong();
  switch (word) {
    case 'PING':
    case 'PONG':
      return { type: word };
    case 'INFO':
      if (withoutBlanks(rest) === '') throw parserError();
      return { type: 'IGNORED' };
    case '+OK':
      return { type: 'IGNORED' };
    case 'CONNECT':
      return { type: word, json: Buffer.from(withoutBlanks(rest), 'latin1').toString('utf8') };
    case 'PUB':
      return parsePublish(wordsOf(rest), false, maxPayload);
    case 'HPUB':
      return parsePublish(wordsOf(rest), true, maxPayload);
    case 'SUB':
      return parseSubscribe(wordsOf(rest));
    case 'UNSUB':
      return parseUnsubscribe(wordsOf(rest));
    case '-ERR':
      throw withoutBlanks(rest) === '' ? unknownOperation() : parserError();
    default:
      throw unknownOperation();
  }
}

function wordsOf(rest: string): string[] {
  if (!BLANK.test(rest)) throw unknownOperation();
  const words = withoutBlanks(rest);
  if (words === '') throw parserError();
  return words.split(/[ \t]+/);
}

/** Not `trim`, which takes bytes of UTF-8 for blanks too. */
function withoutBlanks(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && ' \t'.includes(text.charAt(start))) start += 1;
  while (end > start && ' \t\r'.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function parsePublish(words: string[], hasHeaders: boolean, maxPayload: number): Publish {
  const size = sizeOf(words.pop());
  const headerSize = hasHeaders ? sizeOf(words.pop()) : 0;
  const [subject, reply, ...more] = words;
  if (subject === undefined || more.length > 0) throw parserError();
  if (size > maxPayload) throw new ProtocolError('Maximum Payload Violation');
  if (headerSize > size) throw parserError();
  return { type: 'PUB', hasHeaders, message: { subject, reply, headerSize, size, body: EMPTY } };
}

const EMPTY = Buffer.alloc(0);

function parseSubscribe(words: string[]): Operation {
  const [subject, second, third, ...more] = words;
  if (subject === undefined || second === undefined || more.length > 0) throw parserError();
  return third === undefined
    ? { type: 'SUB', subject, sid: second }
    : { type: 'SUB', subject, queue: second, sid: third };
}

function parseUnsubscribe(words: string[]): Operation {
  const [sid, max, ...more] = words;
  if (sid === undefined || more.length > 0) throw parserError();
  return { type: 'UNSUB', sid, max: max !== undefined && NUMBER.test(max) ? Number(max) : undefined };
}

function sizeOf(text: string | undefined): number {
  if (text === undefined || !NUMBER.test(text)) throw parserError();
  return Number(text);
}
