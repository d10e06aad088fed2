import { decodeDocument } from '../bson/decode';
import type { Doc } from '../bson/values';
import type { Match, MatchScope } from '../query/matcher';
import { compileSortKey, type SortField, Sorter } from '../query/sort';
import type { Collection } from './collection';
import type { Entry } from './index-table';
import type { Plan } from './planner';

/** A document that a query found; decoded when somebody looks. */
export class Found {
  private decoded?: Doc;

  constructor(
    readonly rowid: number,
    readonly bytes: Buffer,
    /** Holds the element that `$` stands for. */
    public scope: MatchScope,
  ) {}

  get document(): Doc {
    this.decoded ??= decodeDocument(this.bytes);
    return this.decoded;
  }
}

/** What a query looked at, for `explain`. */
export interface ReadCounts {
  keys: number;
  documents: number;
}

export interface Query {
  plan: Plan;
  /** Absent: every document matches. */
  match?: Match;
  sort: SortField[];
  skip: number;
  limit: number;
  scope: MatchScope;
  counts?: ReadCounts;
}

/** The documents of a query, in order. Only a sort without an index holds more than one chunk in memory. */
export function* read(collection: Collection, query: Query): Generator<Found> {
  if (query.limit <= 0) return;
  let skip = query.skip;
  let left = query.limit;
  const source = query.plan.sorted ? matching(collection, query) : inOrder(collection, query);
  for (const found of source) {
    if (skip > 0) {
      skip -= 1;
      continue;
    }
    yield found;
    left -= 1;
    if (left === 0) return;
  }
}

function inOrder(collection: Collection, query: Query): Found[] {
  const sorter = new Sorter<Found>(query.skip + query.limit);
  const keyOf = compileSortKey(query.sort);
  for (const found of matching(collection, query)) sorter.add(keyOf(found.document), found, found.bytes.length * 3);
  return sorter.sorted();
}

function* matching(collection: Collection, { plan, match, scope, counts }: Query): Generator<Found> {
  const seen = plan.index?.multikey || plan.branches ? new Set<number>() : undefined;
  for (const { rowid, bytes } of entries(collection, plan)) {
    scope.environment.deadline?.tick();
    if (counts) counts.keys += plan.index || plan.branches ? 1 : 0;
    if (seen?.has(rowid)) continue;
    seen?.add(rowid);
    if (counts) counts.documents += 1;
    const found = new Found(rowid, bytes, { environment: scope.environment });
    if (!match || plan.exact || match(found.document, found.scope)) yield found;
  }
}

function* entries(collection: Collection, { index, ranges, reverse, branches }: Plan): Generator<Entry> {
  if (branches) {
    for (const branch of branches) yield* entries(collection, branch);
    return;
  }
  if (!index) return yield* collection.scan(reverse);
  const ordered = reverse ? [...ranges].reverse() : ranges;
  for (const range of ordered) yield* index.scan(range, reverse);
}
