import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { IndexSpec } from './index-spec';

export interface Entry {
  rowid: number;
  key: Buffer;
  bytes: Buffer;
}

/** A half-open range of keys, `from` inclusive and `to` exclusive. */
export interface KeyRange {
  from: Buffer;
  to: Buffer;
}

const FIRST_CHUNK = 32;
const LAST_CHUNK = 1024;

/** A blob as SQLite gives it. */
export const asBuffer = (value: unknown): Buffer => {
  if (!(value instanceof Uint8Array)) throw new TypeError('expected a blob');
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
};

/** The keys of one index, in a SQLite table ordered by key and row. */
export class IndexTable {
  private readonly statements = new Map<string, StatementSync>();

  constructor(
    private readonly database: DatabaseSync,
    readonly id: number,
    private readonly documents: string,
    readonly spec: IndexSpec,
    /** Whether some document has or had several keys. */
    public multikey: boolean,
  ) {}

  get table(): string {
    return `i${this.id}`;
  }

  add(key: Buffer, rowid: number): void {
    this.prepare(`INSERT INTO ${this.table} (k, r) VALUES (?, ?)`).run(key, rowid);
  }

  remove(key: Buffer, rowid: number): void {
    this.prepare(`DELETE FROM ${this.table} WHERE k = ? AND r = ?`).run(key, rowid);
  }

  /** Whether another row has this key. */
  holds(key: Buffer, except: number): boolean {
    return this.prepare(`SELECT 1 FROM ${this.table} WHERE k = ? AND r <> ? LIMIT 1`).get(key, except) !== undefined;
  }

  markMultikey(): void {
    if (this.multikey) return;
    this.multikey = true;
    this.prepare('UPDATE indexes SET multikey = 1 WHERE id = ?').run(this.id);
  }

  /**
   * Reads a range in order, in chunks. Nothing stays open between two chunks: a write in between is seen or not, as
   * with MongoDB's own cursors.
   */
  *scan({ from, to }: KeyRange, reverse: boolean): Generator<Entry> {
    let at: { key: Buffer; rowid: number } = reverse ? { key: to, rowid: 0 } : { key: from, rowid: 0 };
    const edge = reverse ? from : to;
    const statement = this.prepare(this.scanSql(reverse));
    for (let size = FIRST_CHUNK; ; size = Math.min(size * 4, LAST_CHUNK)) {
      const rows = statement.all(at.key, at.rowid, edge, size);
      for (const row of rows) {
        const entry = { rowid: Number(row['r']), key: asBuffer(row['k']), bytes: asBuffer(row['d']) };
        at = entry;
        yield entry;
      }
      if (rows.length < size) return;
    }
  }

  private scanSql(reverse: boolean): string {
    const source = `SELECT i.k AS k, i.r AS r, c.d AS d FROM ${this.table} AS i CROSS JOIN ${this.documents} AS c ON c.r = i.r`;
    return reverse
      ? `${source} WHERE (i.k, i.r) < (?, ?) AND i.k >= ? ORDER BY i.k DESC, i.r DESC LIMIT ?`
      : `${source} WHERE (i.k, i.r) > (?, ?) AND i.k < ? ORDER BY i.k, i.r LIMIT ?`;
  }

  private prepare(sql: string): StatementSync {
    const known = this.statements.get(sql);
    if (known) return known;
    const statement = this.database.prepare(sql);
    this.statements.set(sql, statement);
    return statement;
  }
}
