import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { LONG_MAX, type Direction } from '../records';
import { DataFolderError } from './data-folder-error';
import { HashFilter } from './hash-filter';
import { FIRST_POSITION } from './log-file';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS events (
    stream INTEGER NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (stream, revision, position)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS progress (only INTEGER PRIMARY KEY CHECK (only = 0), position INTEGER NOT NULL);
`;

const rangeOf = (direction: Direction): string =>
  `SELECT revision, position FROM events WHERE stream = ? AND revision BETWEEN ? AND ? ORDER BY revision ${direction === 'forwards' ? 'ASC' : 'DESC'}`;

/** An earlier version kept the events themselves in it. */
const OLD_FILE = 'eventstore.sqlite';
const FILE = 'index.sqlite';

export interface Place {
  readonly revision: number;
  readonly position: number;
}

/** What the index must know of an event. */
export interface IndexedEvent extends Place {
  readonly stream: string;
}

/** The events of one stream that are only in memory. */
interface Waiting {
  readonly hash: number;
  readonly places: Place[];
}

/**
 * Where the events of a stream are in the log. New ones are kept in memory and written in lumps, without an fsync: after
 * a power cut it may be older than the log, and is then brought up to it. Streams are told apart by a hash of the name,
 * so what it finds is to be checked. It is opened exclusively, because what the server remembers about streams is only
 * right while nobody else writes.
 */
export class StreamIndex {
  private readonly database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  /** The hashes of all streams: most streams that are looked up for an append are new. */
  private readonly known = new HashFilter();
  private waiting = new Map<string, Waiting>();
  private waitingEvents = 0;

  constructor(dataDir: string) {
    this.database = openDatabase(dataDir);
    const streams = this.prepare('SELECT DISTINCT stream FROM events').iterate() as Iterable<unknown> as Iterable<{ stream: number }>;
    for (const { stream } of streams) this.known.add(stream);
  }

  /** The position up to which the log is in the index on disk. */
  get indexedTo(): number {
    const row = this.prepare('SELECT position FROM progress').get() as { position: number } | undefined;
    return row?.position ?? FIRST_POSITION;
  }

  /** Events in memory. */
  get size(): number {
    return this.waitingEvents;
  }

  add({ stream, revision, position }: IndexedEvent): void {
    let waiting = this.waiting.get(stream);
    if (!waiting) {
      waiting = { hash: hashOf(stream), places: [] };
      this.waiting.set(stream, waiting);
      this.known.add(waiting.hash);
    }
    waiting.places.push({ revision, position });
    this.waitingEvents++;
  }

  /** Writes what is in memory: all of the log up to `indexedTo`. */
  flush(indexedTo: number): void {
    const insert = this.prepare('INSERT OR REPLACE INTO events VALUES (?, ?, ?)');
    this.database.exec('BEGIN');
    try {
      // In the order of the index: neighbours are on the same page.
      for (const { hash, places } of [...this.waiting.values()].sort((a, b) => a.hash - b.hash)) {
        for (const { revision, position } of places) insert.run(hash, revision, position);
      }
      this.prepare('INSERT OR REPLACE INTO progress VALUES (0, ?)').run(indexedTo);
      this.database.exec('COMMIT');
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      throw error;
    }
    this.waiting = new Map();
    this.waitingEvents = 0;
  }

  /** The events of a stream between two revisions, both included; among them may be some of another stream. */
  *places(stream: string, direction: Direction, low = 0, high = LONG_MAX): Generator<Place> {
    const hash = hashOf(stream);
    if (!this.known.has(hash)) return;
    if (direction === 'forwards') {
      yield* this.written(hash, direction, low, high);
      yield* this.unwritten(stream, direction, low, high);
    } else {
      yield* this.unwritten(stream, direction, low, high);
      yield* this.written(hash, direction, low, high);
    }
  }

  /** The positions of the first places that `places` would give, which is faster for many. */
  positions(stream: string, direction: Direction, low: number, high: number, limit: number): number[] {
    const unwritten = Array.from(this.unwritten(stream, direction, low, high), ({ position }) => position);
    if (direction === 'backwards' && unwritten.length >= limit) return unwritten.slice(0, limit);
    const rows = this.prepare(`${rangeOf(direction)} LIMIT ?`).all(hashOf(stream), low, high, limit) as Iterable<unknown> as Place[];
    const written = rows.map(({ position }) => position);
    return (direction === 'forwards' ? [...written, ...unwritten] : [...unwritten, ...written]).slice(0, limit);
  }

  close(): void {
    this.database.close();
  }

  private *unwritten(stream: string, direction: Direction, low: number, high: number): Generator<Place> {
    const places = this.waiting.get(stream)?.places ?? [];
    const first = places[0]?.revision ?? 0;
    // Without gaps, but for a tombstone at the end.
    if (direction === 'forwards') {
      for (let index = Math.min(Math.max(0, low - first), places.length - 1); ; index++) {
        const place = places[index];
        if (!place || place.revision > high) return;
        if (place.revision >= low) yield place;
      }
      return;
    }
    for (let index = Math.min(places.length - 1, high - first); index >= 0; index--) {
      const place = places[index];
      if (!place || place.revision < low) return;
      if (place.revision <= high) yield place;
    }
  }

  private written(hash: number, direction: Direction, low: number, high: number): Iterable<Place> {
    return this.prepare(rangeOf(direction)).iterate(hash, low, high) as Iterable<unknown> as Iterable<Place>;
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

const [FIRST_PRIME, SECOND_PRIME] = [0x01000193, 0x85ebca6b];
const [FIRST_SEED, SECOND_SEED] = [0x811c9dc5, 0x9e3779b9];
const UPPER_BITS = 2 ** 21;

/** 53 bits, which is what a number holds: two multiplicative hashes side by side. */
function hashOf(name: string): number {
  let [low, high] = [FIRST_SEED, SECOND_SEED];
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index);
    low = Math.imul(low ^ code, FIRST_PRIME);
    high = Math.imul(high ^ (high >>> 15) ^ code, SECOND_PRIME);
  }
  return ((high ^ (high >>> 13)) >>> 0) % UPPER_BITS * 2 ** 32 + ((low ^ (low >>> 16)) >>> 0);
}

function openDatabase(dataDir: string): DatabaseSync {
  const failure = (reason: string, cause?: unknown): DataFolderError =>
    new DataFolderError(`cannot open the data folder ${dataDir}: ${reason}`, { cause });
  if (existsSync(join(dataDir, OLD_FILE))) {
    throw failure(`an earlier version wrote it (${OLD_FILE}), which this one cannot read: move it away, or give another --data folder`);
  }
  try {
    mkdirSync(dataDir, { recursive: true });
    const database = new DatabaseSync(join(dataDir, FILE));
    // Exclusive before WAL: then SQLite keeps the lock in this process and needs no shared memory file.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    // 16 MiB of cache and of log between checkpoints, because stream names are random and touch many pages.
    database.exec('PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4000;');
    database.exec(SCHEMA);
    return database;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw failure(reason.includes('locked') ? 'another server uses this folder: stop it, or give another --data folder' : reason, error);
  }
}
