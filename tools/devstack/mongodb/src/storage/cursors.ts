import { randomBytes } from 'node:crypto';
import { encodeDocument } from '../bson/encode';
import { type Doc, doc, RawDocument, type Value } from '../bson/values';
import type { Deadline } from '../deadline';
import { MongoError } from '../errors';

const DEFAULT_BATCH = 101;
/** Bytes of one batch; leaves room for the rest of the reply. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024;
/** The largest document that a stage may answer: a bit more than one that is stored. */
const MAX_RESULT_BYTES = 16 * 1024 * 1024 + 16 * 1024;
const MAX_CURSORS = 10_000;
const IDLE_MS = 10 * 60_000;

interface Cursor {
  namespace: string;
  source: Iterator<Doc | RawDocument>;
  /** Read already, but not yet sent. */
  next?: RawDocument;
  usedAt: number;
  deadline?: Deadline;
}

/** `single`: one batch is all that is wanted. */
interface CursorOptions {
  single?: boolean;
  deadline?: Deadline;
}

/** The cursors that are open. One that nobody used for ten minutes is closed. */
export class Cursors {
  private readonly open = new Map<bigint, Cursor>();

  /** The reply of a command that starts a cursor. */
  start(namespace: string, source: Iterable<Doc | RawDocument>, batchSize: number | undefined, options: CursorOptions = {}): Doc {
    const { single = false, deadline } = options;
    const cursor: Cursor = { namespace, source: source[Symbol.iterator](), usedAt: Date.now(), deadline };
    const batch = takeBatch(cursor, batchSize ?? DEFAULT_BATCH);
    const id = single || isDone(cursor) ? 0n : this.keep(cursor);
    if (id === 0n) cursor.source.return?.();
    deadline?.pause();
    return reply('firstBatch', batch, id, namespace);
  }

  more(id: bigint, namespace: string, batchSize: number | undefined): Doc {
    const cursor = this.open.get(id);
    if (!cursor) throw new MongoError(43, `cursor id ${id} not found`);
    if (cursor.namespace !== namespace) {
      throw new MongoError(13, `Requested getMore on namespace '${namespace}', but cursor belongs to a different namespace ${cursor.namespace}`);
    }
    cursor.usedAt = Date.now();
    cursor.deadline?.resume();
    try {
      const batch = takeBatch(cursor, batchSize ?? Infinity);
      const done = isDone(cursor);
      if (done) this.open.delete(id);
      cursor.deadline?.pause();
      return reply('nextBatch', batch, done ? 0n : id, namespace);
    } catch (error) {
      this.open.delete(id);
      throw error;
    }
  }

  /** Answers whether the cursor was open. */
  kill(id: bigint): boolean {
    this.open.get(id)?.source.return?.();
    return this.open.delete(id);
  }

  /** Closes the cursors of a collection that goes away. */
  killAll(namespace: string): void {
    for (const [id, cursor] of this.open) if (cursor.namespace === namespace) this.kill(id);
  }

  private keep(cursor: Cursor): bigint {
    this.closeIdle();
    if (this.open.size >= MAX_CURSORS) throw new MongoError(2, `more than ${MAX_CURSORS} cursors are open: close some`);
    const id = randomBytes(8).readBigUInt64LE() >> 1n;
    this.open.set(id, cursor);
    return id;
  }

  /** Closes those that nobody used for ten minutes. */
  closeIdle(): void {
    const oldest = Date.now() - IDLE_MS;
    for (const [id, { usedAt }] of this.open) if (usedAt < oldest) this.kill(id);
  }
}

function advance(cursor: Cursor): RawDocument | undefined {
  const result = cursor.source.next();
  if (result.done) return undefined;
  if (result.value instanceof RawDocument) return result.value;
  const bytes = encodeDocument(result.value);
  if (bytes.length > MAX_RESULT_BYTES) throw new MongoError(10334, `BSONObj size: ${bytes.length} is invalid. Size must be between 0 and ${MAX_RESULT_BYTES}(16MB)`);
  return new RawDocument(bytes);
}

function isDone(cursor: Cursor): boolean {
  cursor.next ??= advance(cursor);
  return cursor.next === undefined;
}

function takeBatch(cursor: Cursor, size: number): Value[] {
  const batch: RawDocument[] = [];
  let bytes = 0;
  while (batch.length < size) {
    const next = cursor.next ?? advance(cursor);
    cursor.next = next;
    if (!next || (batch.length > 0 && bytes + next.bytes.length > MAX_BATCH_BYTES)) break;
    batch.push(next);
    bytes += next.bytes.length;
    cursor.next = undefined;
  }
  return batch;
}

const reply = (name: string, batch: Value[], id: bigint, namespace: string): Doc =>
  doc({ cursor: doc({ [name]: batch, id, ns: namespace }), ok: 1 });
