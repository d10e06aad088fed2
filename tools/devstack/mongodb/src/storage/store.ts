import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { decodeDocument } from '../bson/decode';
import { encodeDocument } from '../bson/encode';
import { type Doc, doc, int } from '../bson/values';
import { MongoError } from '../errors';
import { Collection } from './collection';
import { type IndexSpec, parseIndexSpec } from './index-spec';
import { asBuffer, IndexTable } from './index-table';
import { Statements } from './statements';

const FILE = 'mongodb.sqlite';

/**
 * Survives the end of the process at any instant, not a power cut; one process owns the file. 32 MB of pages in memory;
 * a checkpoint every 16 MB writes a page that changed often only once.
 */
const PRAGMAS = 'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000;';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS collections (id INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT NOT NULL UNIQUE, options BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS indexes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL, spec BLOB NOT NULL, multikey INTEGER NOT NULL
  );
`;

const MAX_NAMESPACE_BYTES = 255;
const FORBIDDEN = /[/\\. "$*<>:|?\0]/;

/** All collections, in one SQLite file. */
export class Store {
  private collections = new Map<string, Collection>();

  private readonly statements: Statements<'begin' | 'commit' | 'savepoint' | 'release'>;

  /** Whether one commit is to keep what several commands write. */
  private grouped = false;

  /** What took the writes of earlier commands of the group with it. */
  private lost: unknown;

  private constructor(private readonly database: DatabaseSync) {
    this.statements = new Statements(database, {
      begin: 'BEGIN IMMEDIATE', commit: 'COMMIT', savepoint: 'SAVEPOINT command', release: 'RELEASE command',
    });
    this.load();
  }

  /** Throws if the folder cannot be written or another process has it open. */
  static open(folder: string): Store {
    mkdirSync(folder, { recursive: true });
    const database = new DatabaseSync(join(folder, FILE));
    try {
      database.exec(PRAGMAS);
      database.exec(SCHEMA);
      return new Store(database);
    } catch (error) {
      database.close();
      throw new Error(`cannot open the data folder ${folder}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }

  close(): void {
    this.database.close();
  }

  /**
   * Runs several commands and keeps what they wrote with one commit. A command that fails undoes nothing of the others.
   * Throws if nothing could be kept: then none of the commands has happened.
   */
  group(work: () => void): void {
    this.grouped = true;
    this.lost = undefined;
    try {
      work();
      if (this.lost !== undefined) throw this.lost;
      if (this.database.isTransaction) this.statements.get('commit').run();
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      this.load();
      throw error;
    } finally {
      this.grouped = false;
    }
  }

  /** Runs writes as one: all of them are kept, or none if `work` throws. */
  transaction<T>(work: () => T): T {
    const inner = this.database.isTransaction;
    this.statements.get(inner ? 'savepoint' : 'begin').run();
    try {
      const result = work();
      if (inner) this.statements.get('release').run();
      else if (!this.grouped) this.statements.get('commit').run();
      return result;
    } catch (error) {
      this.undo(inner, error);
      this.load();
      throw error;
    }
  }

  private undo(inner: boolean, error: unknown): void {
    // SQLite itself ends the transaction when the disk is full or fails.
    if (!this.database.isTransaction) this.lost ??= inner ? error : undefined;
    else this.database.exec(inner ? 'ROLLBACK TO command; RELEASE command' : 'ROLLBACK');
  }

  find(namespace: string): Collection | undefined {
    return this.collections.get(namespace);
  }

  /** The collection, made if it is not there. */
  ensure(namespace: string): Collection {
    return this.collections.get(namespace) ?? this.create(namespace, new Map());
  }

  list(): Collection[] {
    return [...this.collections.values()];
  }

  create(namespace: string, options: Doc): Collection {
    checkNamespace(namespace);
    const sql = 'INSERT INTO collections (namespace, options) VALUES (?, ?)';
    const id = Number(this.database.prepare(sql).run(namespace, encodeDocument(options)).lastInsertRowid);
    this.database.exec(`CREATE TABLE c${id} (r INTEGER PRIMARY KEY AUTOINCREMENT, d BLOB NOT NULL)`);
    const collection = new Collection(this.database, id, namespace, options);
    this.collections.set(namespace, collection);
    this.createIndex(collection, parseIndexSpec(doc({ key: doc({ _id: int(1) }), name: '_id_', unique: true })));
    return collection;
  }

  drop(collection: Collection): void {
    for (const index of [...collection.indexes]) this.dropIndex(collection, index);
    this.database.prepare('DELETE FROM collections WHERE id = ?').run(collection.id);
    this.database.exec(`DROP TABLE ${collection.table}`);
    this.collections.delete(collection.namespace);
  }

  rename(collection: Collection, namespace: string): void {
    checkNamespace(namespace);
    this.database.prepare('UPDATE collections SET namespace = ? WHERE id = ?').run(namespace, collection.id);
    this.collections.delete(collection.namespace);
    collection.namespace = namespace;
    this.collections.set(namespace, collection);
  }

  /** Makes an index over what is there. Throws DuplicateKey (11000) if that is not unique. */
  createIndex(collection: Collection, spec: IndexSpec): void {
    const sql = 'INSERT INTO indexes (collection, spec, multikey) VALUES (?, ?, 0)';
    const id = Number(this.database.prepare(sql).run(collection.id, encodeDocument(storedSpec(spec))).lastInsertRowid);
    this.database.exec(`CREATE TABLE i${id} (k BLOB NOT NULL, r INTEGER NOT NULL, PRIMARY KEY (k, r)) WITHOUT ROWID`);
    const index = new IndexTable(this.database, id, collection.table, spec, false);
    for (const { rowid, bytes } of collection.scan(false)) collection.addToIndex(index, rowid, decodeDocument(bytes));
    collection.indexes.push(index);
  }

  dropIndex(collection: Collection, index: IndexTable): void {
    this.database.prepare('DELETE FROM indexes WHERE id = ?').run(index.id);
    this.database.exec(`DROP TABLE ${index.table}`);
    collection.indexes.splice(collection.indexes.indexOf(index), 1);
  }

  private load(): void {
    const collections = new Map<string, Collection>();
    const byId = new Map<number, Collection>();
    for (const row of this.database.prepare('SELECT id, namespace, options FROM collections ORDER BY id').all()) {
      const id = Number(row['id']);
      const collection = new Collection(this.database, id, String(row['namespace']), decodeDocument(asBuffer(row['options'])));
      byId.set(id, collection);
      collections.set(collection.namespace, collection);
    }
    for (const row of this.database.prepare('SELECT id, collection, spec, multikey FROM indexes ORDER BY id').all()) {
      const collection = byId.get(Number(row['collection']));
      if (!collection) continue;
      const spec = parseIndexSpec(decodeDocument(asBuffer(row['spec'])));
      collection.indexes.push(new IndexTable(this.database, Number(row['id']), collection.table, spec, row['multikey'] === 1));
    }
    this.collections = collections;
  }
}

/** `_id_` is unique although it does not say so. */
const storedSpec = (spec: IndexSpec): Doc => new Map(spec.raw).set('unique', spec.unique);

/** Throws InvalidNamespace (73). */
export function checkNamespace(namespace: string): void {
  const dot = namespace.indexOf('.');
  const database = namespace.slice(0, dot);
  const name = namespace.slice(dot + 1);
  if (dot < 1 || FORBIDDEN.test(database)) throw new MongoError(73, `Invalid database name: '${database}'`);
  if (name === '' || name.startsWith('.') || /[$\0]/.test(name) || name.startsWith('system.')) {
    throw new MongoError(73, `Invalid collection name: ${namespace}`);
  }
  if (Buffer.byteLength(namespace) > MAX_NAMESPACE_BYTES) throw new MongoError(73, `Fully qualified namespace is too long: ${namespace}`);
}
