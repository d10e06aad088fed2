/** A member of a chain knows its neighbours, so that it can leave in one step. */
interface Link<T> {
  value: T;
  before: Link<T> | undefined;
  after: Link<T> | undefined;
}

class Chain<T> {
  first: Link<T> | undefined;
  private last: Link<T> | undefined;

  append(value: T): Link<T> {
    const link: Link<T> = { value, before: this.last, after: undefined };
    if (this.last) this.last.after = link;
    else this.first = link;
    this.last = link;
    return link;
  }

  prepend(value: T): Link<T> {
    const link: Link<T> = { value, before: undefined, after: this.first };
    if (this.first) this.first.before = link;
    else this.last = link;
    this.first = link;
    return link;
  }

  remove({ before, after }: Link<T>): void {
    if (before) before.after = after;
    else this.first = after;
    if (after) after.before = before;
    else this.last = before;
  }
}

interface Line<T> {
  readonly owner: string;
  readonly places: Chain<Waiting<T>>;
  turn: Link<Line<T>>;
}

interface Level<T> {
  readonly lines: Map<string, Line<T>>;
  /** Whose turn it is comes first. */
  readonly turns: Chain<Line<T>>;
  size: number;
}

export interface Waiting<T> {
  readonly key: string;
  readonly owner: string;
  /** A whole number from 0; the highest goes first. */
  readonly rank: number;
  readonly value: T;
}

/**
 * Who is next: the highest rank, within it the owners in turn, within an owner who came first. Each step takes the same
 * time however many wait.
 */
export class FairQueue<T> {
  private readonly levels: Level<T>[] = [];
  private readonly places = new Map<string, { readonly line: Line<T>; readonly link: Link<Waiting<T>> }>();

  get size(): number {
    return this.places.size;
  }

  /** How many wait with this rank. */
  sizeOf(rank: number): number {
    return this.levels[rank]?.size ?? 0;
  }

  /** How many wait with this rank or a higher one. */
  sizeFrom(rank: number): number {
    return this.levels.slice(rank).reduce((sum, { size }) => sum + size, 0);
  }

  get(key: string): Waiting<T> | undefined {
    return this.places.get(key)?.link.value;
  }

  /** Adds, or replaces: with the same owner and rank it keeps its place. */
  put(waiting: Waiting<T>): void {
    const known = this.places.get(waiting.key);
    if (known && known.link.value.owner === waiting.owner && known.link.value.rank === waiting.rank) {
      known.link.value = waiting;
      return;
    }
    this.remove(waiting.key);
    const line = this.lineOf(waiting, 'last');
    this.places.set(waiting.key, { line, link: line.places.append(waiting) });
  }

  /** Puts back what was just taken, as if it had not been. Several: the last one taken first. */
  restore(waiting: Waiting<T>): void {
    const line = this.lineOf(waiting, 'first');
    const { turns } = this.levels[waiting.rank]!;
    turns.remove(line.turn);
    line.turn = turns.prepend(line);
    this.places.set(waiting.key, { line, link: line.places.prepend(waiting) });
  }

  remove(key: string): boolean {
    const place = this.places.get(key);
    if (!place) return false;
    const { line, link } = place;
    this.places.delete(key);
    line.places.remove(link);
    const level = this.levels[link.value.rank]!;
    level.size -= 1;
    if (!line.places.first) {
      level.turns.remove(line.turn);
      level.lines.delete(line.owner);
    }
    return true;
  }

  peek(): Waiting<T> | undefined {
    for (let rank = this.levels.length - 1; rank >= 0; rank -= 1) {
      const next = this.levels[rank]?.turns.first?.value.places.first;
      if (next) return next.value;
    }
    return undefined;
  }

  take(): Waiting<T> | undefined {
    const next = this.peek();
    if (!next) return undefined;
    const { line } = this.places.get(next.key)!;
    this.remove(next.key);
    if (line.places.first) {
      const { turns } = this.levels[next.rank]!;
      turns.remove(line.turn);
      line.turn = turns.append(line);
    }
    return next;
  }

  *values(): IterableIterator<Waiting<T>> {
    for (const { link } of this.places.values()) yield link.value;
  }

  private lineOf({ owner, rank }: Waiting<T>, turn: 'first' | 'last'): Line<T> {
    while (this.levels.length <= rank) this.levels.push({ lines: new Map(), turns: new Chain(), size: 0 });
    const level = this.levels[rank]!;
    level.size += 1;
    const known = level.lines.get(owner);
    if (known) return known;
    const line = { owner, places: new Chain<Waiting<T>>() } as Line<T>;
    line.turn = turn === 'first' ? level.turns.prepend(line) : level.turns.append(line);
    level.lines.set(owner, line);
    return line;
  }
}
