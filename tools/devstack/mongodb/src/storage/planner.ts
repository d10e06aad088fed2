import { MaxKey, MinKey } from 'bson';
import { compare, equal } from '../bson/compare';
import { AFTER, encodeKey, successor } from '../bson/key';
import { isNumeric, toDouble } from '../bson/numbers';
import { type Doc, isDoc, typeClass, type Value } from '../bson/values';
import { badValue } from '../errors';
import type { SortField } from '../query/sort';
import { boundsOf, conditionsOf, isExact, isExactValue, type FieldBounds, type FieldCondition, type Interval } from './bounds';
import type { Collection } from './collection';
import type { IndexTable, KeyRange } from './index-table';

/** How the documents of a query are read. */
export interface Plan {
  /** Absent: all documents, in the order of insertion. */
  index?: IndexTable;
  /** Disjoint, in ascending order of keys. */
  ranges: KeyRange[];
  reverse: boolean;
  /** Whether they come in the order that was asked for. */
  sorted: boolean;
  /** Every document that is read matches: nobody needs to look into it. */
  exact?: boolean;
  /** The document with an `_id`, and nothing else is asked. */
  express?: boolean;
  /** In place of an index: these plans one after the other, for the branches of an `$or`. */
  branches?: Plan[];
}

/** More ranges than this are not probed one by one. */
const MAX_RANGES = 100_000;
const MAX_BRANCHES = 1000;
const EVERYTHING: KeyRange = { from: Buffer.alloc(0), to: AFTER };

/** Chooses an index: first the one with most equalities, then a range, then the wanted order. */
export function makePlan(collection: Collection, filter: Doc, sort: SortField[], hint?: Value): Plan {
  if (hint !== undefined) return hintedPlan(collection, filter, sort, hint);
  if (filter.size === 0 && sort.length === 0) return fullScan(sort);
  const id = filter.size === 1 ? filter.get('_id') : undefined;
  if (id !== undefined && isExactValue(id) && collection.idIndex) return onlyId(collection.idIndex, id);
  const conditions = conditionsOf(filter);
  let best = fullScan(sort);
  let bestScore = 0;
  for (const index of collection.indexes) {
    const candidate = planFor(index, conditions, sort);
    if (candidate && candidate.score > bestScore) {
      best = candidate.plan;
      bestScore = candidate.score;
    }
  }
  return best.index ? best : (unionOf(collection, filter, sort) ?? best);
}

/** An `$or` whose branches all have an index. */
function unionOf(collection: Collection, filter: Doc, sort: SortField[]): Plan | undefined {
  const operand = filter.get('$or');
  if (!Array.isArray(operand)) return undefined;
  const branches = operand.filter(isDoc).map((branch) => makePlan(collection, branch, []));
  if (branches.length > MAX_BRANCHES || branches.some(({ index, branches: inner }) => !index && !inner)) return undefined;
  return { ranges: [], reverse: false, sorted: sort.length === 0, branches };
}

function onlyId(index: IndexTable, id: Value): Plan {
  const key = encodeKey(id);
  return { index, ranges: [{ from: key, to: key }], reverse: false, sorted: true, exact: true, express: true };
}

const fullScan = (sort: SortField[], reverse = false): Plan => ({ ranges: [], reverse, sorted: sort.length === 0 });

function hintedPlan(collection: Collection, filter: Doc, sort: SortField[], hint: Value): Plan {
  const natural = isDoc(hint) ? hint.get('$natural') : hint === '$natural' ? 1 : undefined;
  if (natural !== undefined) return fullScan(sort, String(natural) === '-1');
  const index = collection.indexes.find(({ spec }) => (isDoc(hint) ? sameKey(spec.key, hint) : spec.name === hint));
  if (!index) throw badValue('error processing query: planner returned error :: caused by :: hint provided does not correspond to an existing index');
  const plan = planFor(index, conditionsOf(filter), sort)?.plan;
  return plan ?? { index, ranges: [EVERYTHING], reverse: false, sorted: sort.length === 0 };
}

export const sameKey = (a: Doc, b: Doc): boolean => equal(a, b);

interface Candidate {
  plan: Plan;
  score: number;
}

const EQUALITY_SCORE = 100;
const UNIQUE_SCORE = 1000;
const RANGE_SCORE = 50;
const SORT_SCORE = 40;

function planFor(index: IndexTable, conditions: Map<string, FieldCondition[]>, sort: SortField[]): Candidate | undefined {
  if (!covers(index, conditions)) return undefined;
  const bounds = usableBounds(index, conditions);
  const order = orderOf(index, bounds, sort);
  if (bounds.length === 0 && (order === undefined || sort.length === 0)) return undefined;
  const equalities = bounds.filter(({ points }) => points).length;
  const isLookup = index.spec.unique && equalities === index.spec.fields.length;
  const score =
    equalities * EQUALITY_SCORE +
    (bounds.length > equalities ? RANGE_SCORE : 0) +
    (sort.length > 0 && order !== undefined ? SORT_SCORE : 0) +
    (isLookup ? UNIQUE_SCORE : 0);
  const plan = {
    index,
    ranges: rangesOf(index, bounds),
    reverse: order === 'reverse',
    sorted: sort.length === 0 || order !== undefined,
    exact: !index.multikey && bounds.length === conditions.size && bounds.every(({ points }) => points) && isExact(conditions),
  };
  return { plan, score };
}

/** A sparse or partial index serves only queries whose matches are all in it. */
function covers({ spec }: IndexTable, conditions: Map<string, FieldCondition[]>): boolean {
  if (spec.sparse && !spec.fields.some(({ path }) => conditions.get(path)?.some(impliesPresence))) return false;
  if (!spec.partial) return true;
  for (const [path, wanted] of conditionsOf(spec.partial.filter)) {
    const given = conditions.get(path) ?? [];
    if (!wanted.every((condition) => given.some((other) => implies(other, condition)))) return false;
  }
  return ![...spec.partial.filter.keys()].some((name) => name.startsWith('$') && name !== '$and');
}

const PRESENT = new Set(['$eq', '$gt', '$gte', '$lt', '$lte']);

function impliesPresence({ operator, operand }: FieldCondition): boolean {
  if (operator === '$exists') return operand === true;
  if (operator === '$in') return Array.isArray(operand) && !operand.includes(null);
  return PRESENT.has(operator) && operand !== null;
}

function implies(given: FieldCondition, wanted: FieldCondition): boolean {
  if (given.operator === wanted.operator && equal(given.operand, wanted.operand)) return true;
  if (given.operator === '$in' && Array.isArray(given.operand) && wanted.operator !== '$exists') {
    return given.operand.every((operand) => implies({ operator: '$eq', operand }, wanted));
  }
  if (isBound(given) && isBound(wanted) && typeClass(given.operand) === typeClass(wanted.operand)) return isWithin(given, wanted);
  return wanted.operator === '$exists' && wanted.operand === true && impliesPresence(given);
}

const UPPER = new Set(['$lt', '$lte']);
const LOWER = new Set(['$gt', '$gte']);

/** A comparison with a value of which each of the same kind is either less, equal or greater. */
function isBound({ operator, operand }: FieldCondition): boolean {
  if (operator !== '$eq' && !UPPER.has(operator) && !LOWER.has(operator)) return false;
  return isExactValue(operand) && !isDoc(operand) && !(operand instanceof MinKey) && !(operand instanceof MaxKey) && !(isNumeric(operand) && Number.isNaN(toDouble(operand)));
}

/** Whether every value that meets one comparison meets the other. */
function isWithin(given: FieldCondition, wanted: FieldCondition): boolean {
  const order = compare(given.operand, wanted.operand);
  const sides = LOWER.has(wanted.operator) ? LOWER : UPPER;
  if (wanted.operator === '$eq' || (given.operator !== '$eq' && !sides.has(given.operator))) return false;
  if (order !== 0) return sides === LOWER ? order > 0 : order < 0;
  return wanted.operator.endsWith('e') || !(given.operator === '$eq' || given.operator.endsWith('e'));
}

/** Bounds of the leading fields: values as long as there are some, then one range. */
function usableBounds(index: IndexTable, conditions: Map<string, FieldCondition[]>): FieldBounds[] {
  const result: FieldBounds[] = [];
  const roots = new Set<string>();
  let ranges = 1;
  for (const { path } of index.spec.fields) {
    const root = path.split('.')[0] ?? path;
    const bounds = boundsOf(path, conditions.get(path) ?? [], index.multikey);
    if (!bounds || (index.multikey && roots.has(root))) break;
    ranges *= bounds.intervals.length;
    if (ranges > MAX_RANGES) break;
    roots.add(root);
    result.push(bounds);
    if (!bounds.points) break;
  }
  return result;
}

/** Whether reading the index forwards or backwards gives the wanted order. */
function orderOf(index: IndexTable, bounds: FieldBounds[], sort: SortField[]): 'forward' | 'reverse' | undefined {
  if (sort.length === 0) return 'forward';
  if (index.multikey) return undefined;
  const fixed = new Set(index.spec.fields.filter((_, at) => isSinglePoint(bounds[at])).map(({ path }) => path));
  const wanted = sort.filter(({ path }) => !fixed.has(path));
  const leading = index.spec.fields.findIndex(({ path }) => !fixed.has(path));
  const rest = leading < 0 ? [] : index.spec.fields.slice(leading);
  if (wanted.length === 0) return 'forward';
  const reverse = wanted[0]?.descending !== rest[0]?.descending;
  const fits = wanted.every(({ path, descending }, at) => rest[at]?.path === path && (rest[at].descending !== descending) === reverse);
  if (!fits) return undefined;
  return reverse ? 'reverse' : 'forward';
}

const isSinglePoint = (bounds: FieldBounds | undefined): boolean => bounds !== undefined && bounds.points && bounds.intervals.length === 1;

function rangesOf(index: IndexTable, bounds: FieldBounds[]): KeyRange[] {
  let prefixes: Interval[] = [{ from: Buffer.alloc(0), to: Buffer.alloc(0) }];
  bounds.forEach(({ intervals }, at) => {
    const descending = index.spec.fields[at]?.descending ?? false;
    const turned = descending ? intervals.map(turnAround).reverse() : intervals;
    prefixes = prefixes.flatMap((prefix) =>
      turned.map(({ from, to }) => ({ from: Buffer.concat([prefix.from, from]), to: Buffer.concat([prefix.to, to]) })),
    );
  });
  const whole = bounds.length === index.spec.fields.length && bounds.every(({ points }) => points);
  return prefixes.map(({ from, to }) => ({ from, to: whole ? from : successor(to) }));
}

const inverted = (bytes: Buffer): Buffer => Buffer.from(bytes.map((byte) => 0xff - byte));

const turnAround = ({ from, to }: Interval): Interval => ({ from: inverted(to), to: inverted(from) });
