import { BSONRegExp } from 'bson';
import { type Doc, isDoc, type Maybe, type Value } from '../bson/values';
import type { Environment } from '../expressions/expression';
import { compileFilter } from '../query/matcher';
import { parseSort } from '../query/sort';
import { toInteger } from '../bson/numbers';
import type { Collection } from '../storage/collection';
import { makePlan } from '../storage/planner';
import { type Query, read } from '../storage/reader';
import { compilePipeline, type PipelineContext, stageParts } from './pipeline';

/** The front of a pipeline that the collection's indexes can serve, and how many stages it stands for. */
export interface PushedDown {
  query: Query;
  stages: number;
}

/** Takes `$match`, `$sort`, `$skip` and `$limit`, in this order, off the front of a pipeline. */
export function pushDown(collection: Collection, stages: Value[], names: ReadonlySet<string>, context: PipelineContext, hint?: Value): PushedDown {
  const { environment } = context;
  const parts = stages.map(stageParts);
  let at = 0;
  const take = (name: string): Value | undefined => (parts[at]?.[0] === name ? parts[at++]?.[1] : undefined);
  const first = take('$match');
  const filter: Doc = isDoc(first) ? first : new Map();
  const order = take('$sort');
  const sort = isDoc(order) ? parseSort(order) : [];
  const skip = toInteger(take('$skip')) ?? 0;
  const limit = toInteger(take('$limit')) ?? Infinity;
  const match = filter.size === 0 ? undefined : compileFilter(filter, names);
  return { stages: at, query: { plan: makePlan(collection, withEqualities(filter, environment), sort, hint), match, sort, skip, limit, scope: { environment } } };
}

/**
 * The filter with what an `$expr: { $eq: ['$field', '$$variable'] }` in it says of the field, so that an index can serve
 * it. The expression is still looked at: it is stricter with arrays.
 */
function withEqualities(filter: Doc, { variables }: Environment): Doc {
  const equalities = equalitiesOf(filter.get('$expr'), variables);
  if (equalities.length === 0) return filter;
  return new Map<string, Value>([['$and', [filter, ...equalities]]]);
}

function equalitiesOf(expression: Maybe, variables: ReadonlyMap<string, Maybe>): Doc[] {
  if (!isDoc(expression) || expression.size !== 1) return [];
  const and = expression.get('$and');
  if (Array.isArray(and)) return and.flatMap((inner) => equalitiesOf(inner, variables));
  const sides = expression.get('$eq');
  if (!Array.isArray(sides) || sides.length !== 2) return [];
  const [field] = sides.filter((side) => typeof side === 'string' && /^\$[^$]/.test(side));
  const [variable] = sides.filter((side) => typeof side === 'string' && /^\$\$[^.]+$/.test(side));
  if (typeof field !== 'string' || typeof variable !== 'string') return [];
  const value = variables.get(variable.slice(2));
  // A document in a filter could be read as operators, and missing and null are not one in expressions.
  if (value === undefined || value === null || isDoc(value) || Array.isArray(value) || value instanceof BSONRegExp) return [];
  return [new Map<string, Value>([[field.slice(1), value]])];
}

/** Runs a pipeline over a collection, its front through the indexes. */
export function readPipeline(
  collection: Collection,
  stages: Value[],
  names: ReadonlySet<string>,
  context: PipelineContext,
  hint?: Value,
): Iterable<Doc> {
  // All stages are compiled, so that the front is checked as strictly as the rest.
  compilePipeline(stages, names);
  const { query, stages: taken } = pushDown(collection, stages, names, context, hint);
  return compilePipeline(stages.slice(taken), names)(documents(collection, query), context);
}

function* documents(collection: Collection, query: Query): Generator<Doc> {
  for (const { document } of read(collection, query)) yield document;
}
