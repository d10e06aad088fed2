import type { Position, RecordedEvent } from '@ferry/kernel';
import { UuidTable } from './uuid-table';

/** A stream's state as of one of its events. */
export interface Known<S> {
  readonly state: S;
  /** Of the last event. */
  readonly revision: number;
  readonly position: Position;
}

/** How a state becomes columns and one text, and a state again. */
export interface Codec<S> {
  /** States that are still moving are kept as they are. Their number is bounded by what makes them. */
  isMoving(state: S): boolean;
  /** Writes the columns of the slot; gives the rest as text. */
  pack(slot: number, id: string, state: S): string;
  unpack(slot: number, id: string, rest: string): S;
  /** The slot is about to be given up. */
  drop?(slot: number): void;
}

export interface StreamMemoryOptions<S> {
  readonly capacity: number;
  readonly codec: Codec<S>;
  /** Undefined where this version does not know the event: then nothing is remembered of the stream. */
  readonly evolve: (state: S | undefined, event: RecordedEvent, id: string) => S | undefined;
}

/** The newest revision that the log told of a stream while it was read: what was read is older than that, or not. */
interface Reading {
  readers: number;
  newest: number;
}

/**
 * What is known of the streams of one category, bounded, the longest unasked forgotten first. It is kept right by the log
 * (`apply`) and filled by reads (`fill`). A read that the log has overtaken is not stored: nothing older ever replaces what is newer,
 * and what is stored is as new as everything that was applied.
 */
export class StreamMemory<S> {
  hits = 0;
  misses = 0;
  protected readonly table: UuidTable;
  protected readonly revisions: Uint32Array;
  /** Whole up to 2^53, more bytes than a log has. */
  private readonly positions: Float64Array;
  protected readonly rests: (string | undefined)[] = [];
  private readonly moving = new Map<string, Known<S>>();
  private readonly reading = new Map<string, Reading>();

  constructor(private readonly options: StreamMemoryOptions<S>) {
    const { capacity } = options;
    this.table = new UuidTable(capacity, (slot) => this.drop(slot));
    this.revisions = new Uint32Array(capacity);
    this.positions = new Float64Array(capacity);
  }

  get size(): number {
    return this.table.size + this.moving.size;
  }

  /** What is remembered; with `atLeast`, only where it includes that revision. */
  find(id: string, atLeast = -1): Known<S> | undefined {
    const known = this.peek(id);
    if (known && known.revision >= atLeast) {
      this.hits += 1;
      return known;
    }
    this.misses += 1;
    return undefined;
  }

  /** An event of the log. A gap means that what is known is of no use. */
  apply(id: string, event: RecordedEvent): void {
    const { revision, position } = event;
    const reading = this.reading.get(id);
    if (reading && revision > reading.newest) reading.newest = revision;
    const known = this.peek(id);
    if (known ? revision <= known.revision : revision > 0) return;
    const next = revision === (known?.revision ?? -1) + 1 ? this.options.evolve(known?.state, event, id) : undefined;
    if (next === undefined) this.forget(id);
    else this.store(id, { state: next, revision, position });
  }

  /** Reads the stream, by `read`, and remembers what came where it is still the newest. */
  async fill<K extends Known<S> | undefined>(id: string, read: () => Promise<K>): Promise<K> {
    const reading = this.reading.get(id) ?? { readers: 0, newest: -1 };
    reading.readers += 1;
    this.reading.set(id, reading);
    try {
      const found = await read();
      if (found && found.revision >= reading.newest && found.revision > (this.peek(id)?.revision ?? -1)) this.store(id, found);
      return found;
    } finally {
      reading.readers -= 1;
      if (!reading.readers) this.reading.delete(id);
    }
  }

  private peek(id: string): Known<S> | undefined {
    const moving = this.moving.get(id);
    if (moving) return moving;
    const slot = this.table.find(id);
    if (slot < 0) return undefined;
    const state = this.options.codec.unpack(slot, id, this.rests[slot]!);
    return { state, revision: this.revisions[slot]!, position: this.positionOf(slot) };
  }

  protected positionOf(slot: number): Position {
    return this.positions[slot]!.toString().padStart(20, '0');
  }

  private store(id: string, { state, revision, position }: Known<S>): void {
    this.forget(id);
    if (revision < 0) return;
    if (this.options.codec.isMoving(state)) {
      this.moving.set(id, { state, revision, position });
      return;
    }
    const slot = this.table.take(id);
    if (slot < 0) return;
    this.revisions[slot] = revision;
    this.positions[slot] = Number(position);
    this.rests[slot] = this.options.codec.pack(slot, id, state);
  }

  private forget(id: string): void {
    this.moving.delete(id);
    const slot = this.table.remove(id);
    if (slot >= 0) this.drop(slot);
  }

  private drop(slot: number): void {
    this.options.codec.drop?.(slot);
    this.rests[slot] = undefined;
  }
}
