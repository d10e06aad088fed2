import type { DatabaseSync } from 'node:sqlite';
import { encodeDocument } from '../bson/encode';
import { showDocument } from '../bson/show';
import { type Doc, doc } from '../bson/values';
import { MongoError } from '../errors';
import { type IndexKey, type IndexKeys, indexKeys, type IndexSpec } from './index-spec';
import { asBuffer, type Entry, type IndexTable } from './index-table';
import { Statements } from './statements';

/** The largest document, in bytes. */
export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;

/** The levels of documents and arrays inside a stored document. */
export const MAX_STORED_DEPTH = 100;

const CHUNK = 512;

/** A stored document that is being looked at. */
export interface Stored {
  rowid: number;
  bytes: Buffer;
}

const statementsOf = (database: DatabaseSync, table: string) =>
  new Statements(database, {
    count: `SELECT count(*) AS n FROM ${table}`,
    get: `SELECT d FROM ${table} WHERE r = ?`,
    insert: `INSERT INTO ${table} (d) VALUES (?)`,
    update: `UPDATE ${table} SET d = ? WHERE r = ?`,
    remove: `DELETE FROM ${table} WHERE r = ?`,
    forward: `SELECT r, d FROM ${table} WHERE r > ? ORDER BY r LIMIT ${CHUNK}`,
    backward: `SELECT r, d FROM ${table} WHERE r < ? ORDER BY r DESC LIMIT ${CHUNK}`,
  });

/** The documents of one collection, and its indexes. */
export class Collection {
  readonly indexes: IndexTable[] = [];
  private readonly statements: ReturnType<typeof statementsOf>;

  constructor(
    database: DatabaseSync,
    readonly id: number,
    /** `database.collection` */
    public namespace: string,
    readonly options: Doc,
  ) {
    this.statements = statementsOf(database, this.table);
  }

  get table(): string {
    return `c${this.id}`;
  }

  get idIndex(): IndexTable | undefined {
    return this.indexes[0];
  }

  count(): number {
    return Number(this.statements.get('count').get()?.[0]);
  }

  get(rowid: number): Buffer | undefined {
    const row = this.statements.get('get').get(rowid);
    return row && asBuffer(row[0]);
  }

  /** `encoded`: the document's bytes, where they are known. Throws DuplicateKey (11000) before anything is written. */
  insert(document: Doc, encoded?: Buffer): void {
    const bytes = checkSize(encoded ?? encodeDocument(document, 0, MAX_STORED_DEPTH));
    const keys = this.indexes.map((index) => this.keysFor(index, document, 0));
    const rowid = Number(this.statements.get('insert').run(bytes).lastInsertRowid);
    this.indexes.forEach((index, at) => this.addKeys(index, keys[at]?.keys ?? [], rowid));
  }

  /** Answers whether anything changed. Throws DuplicateKey (11000) before anything is written. */
  replace({ rowid, bytes: old }: Stored, before: Doc, after: Doc): boolean {
    const bytes = checkSize(encodeDocument(after, 0, MAX_STORED_DEPTH));
    if (bytes.equals(old)) return false;
    const touched = this.indexes.filter(({ spec }) => spec.roots.some((root) => before.get(root) !== after.get(root)));
    const plans = touched.map((index) => ({ index, ...difference(indexKeys(index.spec, before), this.keysFor(index, after, rowid)) }));
    this.statements.get('update').run(bytes, rowid);
    for (const { index, gone, added } of plans) {
      for (const { bytes: key } of gone) index.remove(key, rowid);
      this.addKeys(index, added, rowid);
    }
    return true;
  }

  remove(rowid: number, document: Doc): void {
    for (const index of this.indexes) for (const { bytes } of indexKeys(index.spec, document).keys) index.remove(bytes, rowid);
    this.statements.get('remove').run(rowid);
  }

  /** All documents in the order of insertion, in chunks. */
  *scan(reverse: boolean): Generator<Entry> {
    let at = reverse ? Number.MAX_SAFE_INTEGER : 0;
    const statement = this.statements.get(reverse ? 'backward' : 'forward');
    for (;;) {
      const rows = statement.all(at);
      for (const row of rows) {
        at = Number(row[0]);
        yield { rowid: at, bytes: asBuffer(row[1]) };
      }
      if (rows.length < CHUNK) return;
    }
  }

  /** Puts one document into a new index. */
  addToIndex(index: IndexTable, rowid: number, document: Doc): void {
    this.addKeys(index, this.keysFor(index, document, rowid).keys, rowid);
  }

  private addKeys(index: IndexTable, keys: IndexKey[], rowid: number): void {
    for (const { bytes } of keys) index.add(bytes, rowid);
  }

  private keysFor(index: IndexTable, document: Doc, rowid: number): IndexKeys {
    const found = indexKeys(index.spec, document);
    if (found.multikey) index.markMultikey();
    const taken = index.spec.unique ? found.keys.find(({ bytes }) => index.holds(bytes, rowid)) : undefined;
    if (taken) throw this.duplicate(index.spec, taken);
    return found;
  }

  private duplicate(spec: IndexSpec, { values }: IndexKey): MongoError {
    const keyValue: Doc = new Map(spec.fields.map(({ path }, at) => [path, values[at] ?? null]));
    const message = `E11000 duplicate key error collection: ${this.namespace} index: ${spec.name} dup key: ${showDocument(keyValue)}`;
    return new MongoError(11000, message, doc({ keyPattern: spec.key, keyValue }));
  }
}

function checkSize(bytes: Buffer): Buffer {
  if (bytes.length > MAX_DOCUMENT_BYTES) throw new MongoError(10334, `BSONObj size: ${bytes.length} is invalid. Size must be between 0 and ${MAX_DOCUMENT_BYTES}`);
  return bytes;
}

function difference(before: IndexKeys, after: IndexKeys): { gone: IndexKey[]; added: IndexKey[] } {
  const has = (keys: IndexKey[], { bytes }: IndexKey) => keys.some((other) => other.bytes.equals(bytes));
  return {
    gone: before.keys.filter((key) => !has(after.keys, key)),
    added: after.keys.filter((key) => !has(before.keys, key)),
  };
}
