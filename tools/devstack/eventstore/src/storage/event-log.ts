import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Direction, ProposedEvent, RecordedEvent } from '../records';
import { Lru } from './lru';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    json INTEGER NOT NULL,
    created INTEGER NOT NULL,
    data BLOB NOT NULL,
    metadata BLOB NOT NULL
  );
  CREATE UNIQUE INDEX IF NOT EXISTS events_by_stream ON events (stream, revision);
`;

/** The first position. Not 0, which means the start of the log. */
const FIRST_POSITION = 128;
const RECORD_OVERHEAD = 96;
const NAMES_KEPT = 20_000;

/** How much one read may return, so that memory stays bounded whatever the size of the events. */
export const CHUNK_EVENTS = 256;
const CHUNK_BYTES = 1024 * 1024;

interface Row {
  position: number;
  stream: number;
  revision: number;
  id: string;
  type: string;
  json: number;
  created: number;
  data: Uint8Array;
  metadata: Uint8Array;
}

const size = (event: { type: string; data: Uint8Array; metadata: Uint8Array }): number =>
  RECORD_OVERHEAD + event.type.length + event.data.length + event.metadata.length;

/** Opening a data folder that another process holds, or that cannot be written. */
export class DataFolderError extends Error {}

/**
 * The durable log: one SQLite file, WAL, an fsync per commit. It is opened exclusively, because what the server
 * remembers about streams is only right while nobody else writes.
 */
export class EventLog {
  private readonly database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  private readonly names = new Lru<number, string>(NAMES_KEPT);
  private next: number;
  private last: number;

  constructor(dataDir: string) {
    this.database = openDatabase(dataDir);
    const row = this.prepare('SELECT position, type, data, metadata FROM events ORDER BY position DESC LIMIT 1').get() as
      | Row
      | undefined;
    this.last = row?.position ?? 0;
    this.next = row ? row.position + size(row) : FIRST_POSITION;
  }

  /** The position of the last event, 0 for an empty log. */
  get lastPosition(): number {
    return this.last;
  }

  /** Where the next event will be. */
  get nextPosition(): number {
    return this.next;
  }

  /** Runs `work` in one durable transaction; when it throws, nothing of it is left. */
  transaction<T>(work: () => T): T {
    const { next, last } = this;
    this.database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.database.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      this.next = next;
      this.last = last;
      this.names.clear();
      throw error;
    }
  }

  streamId(name: string): number | undefined {
    const row = this.prepare('SELECT id FROM streams WHERE name = ?').get(name) as { id: number } | undefined;
    return row?.id;
  }

  createStream(name: string): number {
    return Number(this.prepare('INSERT INTO streams (name) VALUES (?)').run(name).lastInsertRowid);
  }

  insert(stream: { id: number; name: string }, revision: number, event: ProposedEvent, created: number): RecordedEvent {
    const position = this.next;
    const { id, type, isJson, data, metadata } = event;
    this.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      position, stream.id, revision, id, type, isJson ? 1 : 0, created, data, metadata,
    );
    this.last = position;
    this.next = position + size(event);
    return { position, stream: stream.name, revision, id, type, isJson, created, data, metadata };
  }

  lastOf(streamId: number): RecordedEvent | undefined {
    const sql = 'SELECT * FROM events WHERE stream = ? ORDER BY revision DESC LIMIT 1';
    return this.record(this.prepare(sql).get(streamId));
  }

  at(streamId: number, revision: number): RecordedEvent | undefined {
    return this.record(this.prepare('SELECT * FROM events WHERE stream = ? AND revision = ?').get(streamId, revision));
  }

  has(position: number): boolean {
    return this.prepare('SELECT 1 FROM events WHERE position = ?').get(position) !== undefined;
  }

  /** One chunk of a stream between two revisions, both included. */
  readStream(streamId: number, low: number, high: number, direction: Direction): RecordedEvent[] {
    const order = direction === 'forwards' ? 'ASC' : 'DESC';
    const sql = `SELECT * FROM events WHERE stream = ? AND revision BETWEEN ? AND ? ORDER BY revision ${order} LIMIT ?`;
    return this.chunk(this.prepare(sql).iterate(streamId, low, high, CHUNK_EVENTS));
  }

  /** One chunk of the log: forwards from `position` on, it included; backwards from just before it. */
  readAll(position: number, direction: Direction): RecordedEvent[] {
    const range = direction === 'forwards' ? 'position >= ? ORDER BY position ASC' : 'position < ? ORDER BY position DESC';
    return this.chunk(this.prepare(`SELECT * FROM events WHERE ${range} LIMIT ?`).iterate(position, CHUNK_EVENTS));
  }

  close(): void {
    this.database.close();
  }

  private chunk(rows: Iterable<unknown>): RecordedEvent[] {
    const events: RecordedEvent[] = [];
    let bytes = 0;
    for (const row of rows) {
      const event = this.record(row);
      if (!event) break;
      events.push(event);
      bytes += size(event);
      if (bytes >= CHUNK_BYTES) break;
    }
    return events;
  }

  private record(found: unknown): RecordedEvent | undefined {
    if (found === undefined) return undefined;
    const { position, stream, revision, id, type, json, created, data, metadata } = found as Row;
    return { position, stream: this.nameOf(stream), revision, id, type, isJson: json === 1, created, data, metadata };
  }

  private nameOf(streamId: number): string {
    const known = this.names.get(streamId);
    if (known !== undefined) return known;
    const row = this.prepare('SELECT name FROM streams WHERE id = ?').get(streamId) as { name: string } | undefined;
    if (!row) throw new DataFolderError(`the log has events of stream ${streamId}, which has no name: the data is damaged`);
    this.names.set(streamId, row.name);
    return row.name;
  }

  private prepare(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (!statement) {
      statement = this.database.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }
}

function openDatabase(dataDir: string): DatabaseSync {
  const file = join(dataDir, 'eventstore.sqlite');
  try {
    mkdirSync(dataDir, { recursive: true });
    const database = new DatabaseSync(file);
    // Exclusive before WAL: then SQLite keeps the lock in this process and needs no shared memory file.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    // 32 MiB of cache; 32 MiB of log between checkpoints, because stream names are random and touch many pages.
    database.exec('PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 8000;');
    database.exec(SCHEMA);
    return database;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const hint = reason.includes('locked') ? 'another server uses this folder: stop it, or give another --data folder' : reason;
    throw new DataFolderError(`cannot open the data folder ${dataDir}: ${hint}`, { cause: error });
  }
}
