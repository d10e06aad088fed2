import type { DatabaseSync } from 'node:sqlite';
import type { IndexSpec } from './index-spec';
import { Statements } from './statements';

export interface Entry {
  rowid: number;
  bytes: Buffer;
}

/** A half-open range of keys, `from` inclusive and `to` exclusive; the same buffer twice is this one key. */
export interface KeyRange {
  from: Buffer;
  to: Buffer;
}

/** Rows of the first look and of the next ones. SQLite compiles a statement anew for each bound LIMIT, so they stand in the text. */
const FEW = 32;
const MANY = 128;

/** A blob as SQLite gives it. */
export const asBuffer = (value: unknown): Buffer => {
  if (!(value instanceof Uint8Array)) throw new TypeError('expected a blob');
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
};

function statementsOf(database: DatabaseSync, table: string, documents: string) {
  const source = `FROM ${table} AS i CROSS JOIN ${documents} AS c ON c.r = i.r`;
  const select = `SELECT i.r, c.d ${source}`;
  const forward = `SELECT i.r, c.d, i.k ${source} WHERE (i.k, i.r) > (?, ?) AND i.k < ? ORDER BY i.k, i.r`;
  const backward = `SELECT i.r, c.d, i.k ${source} WHERE (i.k, i.r) < (?, ?) AND i.k >= ? ORDER BY i.k DESC, i.r DESC`;
  const key = `${select} WHERE i.k = ? AND i.r > ? ORDER BY i.r`;
  const keyBackward = `${select} WHERE i.k = ? AND i.r < ? ORDER BY i.r DESC`;
  return new Statements(database, {
    add: `INSERT INTO ${table} (k, r) VALUES (?, ?)`,
    remove: `DELETE FROM ${table} WHERE k = ? AND r = ?`,
    holds: `SELECT 1 FROM ${table} WHERE k = ? AND r <> ? LIMIT 1`,
    markMultikey: 'UPDATE indexes SET multikey = 1 WHERE id = ?',
    fewForward: `${forward} LIMIT ${FEW}`,
    manyForward: `${forward} LIMIT ${MANY}`,
    fewBackward: `${backward} LIMIT ${FEW}`,
    manyBackward: `${backward} LIMIT ${MANY}`,
    only: `${select} WHERE i.k = ?`,
    fewKey: `${key} LIMIT ${FEW}`,
    manyKey: `${key} LIMIT ${MANY}`,
    fewKeyBackward: `${keyBackward} LIMIT ${FEW}`,
    manyKeyBackward: `${keyBackward} LIMIT ${MANY}`,
  });
}

/** The keys of one index, in a SQLite table ordered by key and row. */
export class IndexTable {
  private readonly statements: ReturnType<typeof statementsOf>;

  constructor(
    database: DatabaseSync,
    readonly id: number,
    documents: string,
    readonly spec: IndexSpec,
    /** Whether some document has or had several keys. */
    public multikey: boolean,
  ) {
    this.statements = statementsOf(database, this.table, documents);
  }

  get table(): string {
    return `i${this.id}`;
  }

  add(key: Buffer, rowid: number): void {
    this.statements.get('add').run(key, rowid);
  }

  remove(key: Buffer, rowid: number): void {
    this.statements.get('remove').run(key, rowid);
  }

  /** Whether another row has this key. */
  holds(key: Buffer, except: number): boolean {
    return this.statements.get('holds').get(key, except) !== undefined;
  }

  markMultikey(): void {
    if (this.multikey) return;
    this.multikey = true;
    this.statements.get('markMultikey').run(this.id);
  }

  /**
   * Reads a range in order, in chunks. Nothing stays open between two chunks: a write in between is seen or not, as
   * with MongoDB's own cursors.
   */
  *scan({ from, to }: KeyRange, reverse: boolean): Generator<Entry> {
    if (from === to) return yield* this.scanKey(from, reverse);
    let key = reverse ? to : from;
    let rowid = 0;
    const edge = reverse ? from : to;
    for (let size = FEW; ; size = MANY) {
      const statement = size === FEW ? (reverse ? 'fewBackward' : 'fewForward') : reverse ? 'manyBackward' : 'manyForward';
      const rows = this.statements.get(statement).all(key, rowid, edge);
      for (const row of rows) yield entryOf(row);
      const last = rows.at(-1);
      if (!last || rows.length < size) return;
      rowid = Number(last[0]);
      key = asBuffer(last[2]);
    }
  }

  /** The document with this key in a unique index. */
  only(key: Buffer): Entry | undefined {
    const row = this.statements.get('only').get(key);
    return row && entryOf(row);
  }

  private *scanKey(key: Buffer, reverse: boolean): Generator<Entry> {
    if (this.spec.unique) {
      const entry = this.only(key);
      if (entry) yield entry;
      return;
    }
    let rowid = reverse ? Number.MAX_SAFE_INTEGER : 0;
    for (let size = FEW; ; size = MANY) {
      const statement = size === FEW ? (reverse ? 'fewKeyBackward' : 'fewKey') : reverse ? 'manyKeyBackward' : 'manyKey';
      const rows = this.statements.get(statement).all(key, rowid);
      for (const row of rows) {
        const entry = entryOf(row);
        rowid = entry.rowid;
        yield entry;
      }
      if (rows.length < size) return;
    }
  }
}

const entryOf = (row: Record<string, unknown>): Entry => ({ rowid: Number(row[0]), bytes: asBuffer(row[1]) });
