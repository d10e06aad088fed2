import { pushDown } from '../aggregation/source';
import { type Doc, doc, int, integer, isDoc, typeName, type Value } from '../bson/values';
import { badValue, MongoError, typeMismatch } from '../errors';
import type { Collection } from '../storage/collection';
import type { Plan } from '../storage/planner';
import { type Query, read } from '../storage/reader';
import { pipelineContext, pipelineOf } from './aggregate';
import { type Command, docsField, namespaceOf, type Request } from './command';
import { parseQuery } from './read';

const EXPLAINED = new Set(['find', 'count', 'distinct', 'findAndModify', 'update', 'delete', 'aggregate']);
const VERBOSITIES = ['queryPlanner', 'executionStats', 'allPlansExecution'];

/** Which index a `find`, `count`, `distinct`, `aggregate`, `update`, `delete` or `findAndModify` reads, and how much of it. */
function explain(request: Request): Doc {
  const inner = request.body.get('explain') ?? null;
  if (!isDoc(inner)) throw new MongoError(14, "BSON field 'explain.explain' must be a command");
  const [name = ''] = inner.keys();
  const asked: Request = { ...request, name, body: inner };
  if (!EXPLAINED.has(name)) throw new MongoError(59, `Explain failed due to unknown command: ${name}`);
  const verbosity = verbosityOf(request.body);
  const namespace = namespaceOf(asked);
  const collection = request.store.find(namespace);
  const query = queryOf(asked, collection);
  const planner = doc({ namespace, indexFilterSet: false, winningPlan: describePlan(query.plan, query), rejectedPlans: [] });
  const stats = verbosity === 'queryPlanner' ? undefined : runStats(collection, query);
  return doc({ explainVersion: '1', queryPlanner: planner, executionStats: stats, ok: 1 });
}

function verbosityOf(body: Doc): string {
  const verbosity = body.get('verbosity') ?? 'allPlansExecution';
  if (typeof verbosity !== 'string') throw typeMismatch(`BSON field 'explain.verbosity' is the wrong type '${typeName(verbosity)}', expected type 'string'`);
  if (VERBOSITIES.includes(verbosity)) return verbosity;
  throw badValue(`Enumeration value '${verbosity}' for field 'explain.verbosity' is not a valid value.`);
}

function queryOf(request: Request, collection: Collection | undefined): Query {
  const { name, body } = request;
  switch (name) {
    case 'find':
      return parseQuery(request, collection, 'filter');
    case 'count':
    case 'distinct':
    case 'findAndModify':
      return parseQuery(request, collection, 'query');
    case 'update':
    case 'delete': {
      const [statement] = docsField(body, name === 'update' ? 'updates' : 'deletes');
      return parseQuery({ ...request, body: new Map<string, Value>([['q', statement?.get('q') ?? new Map()]]) }, collection, 'q');
    }
    default:
      return aggregateQuery(request, collection);
  }
}

function aggregateQuery(request: Request, collection: Collection | undefined): Query {
  if (!collection) return parseQuery({ ...request, body: new Map() }, undefined, 'filter');
  const context = pipelineContext(request);
  return pushDown(collection, pipelineOf(request.body), new Set(context.environment.variables.keys()), context).query;
}

function describePlan(plan: Plan, { sort }: Query): Doc {
  const fetched = describeSource(plan);
  if (plan.sorted) return fetched;
  const pattern: Doc = new Map(sort.map(({ path, descending }) => [path, int(descending ? -1 : 1)]));
  return doc({ stage: 'SORT', sortPattern: pattern, inputStage: fetched });
}

function describeSource({ index, reverse, branches, express }: Plan): Doc {
  if (index && express) return doc({ stage: 'EXPRESS_IXSCAN', keyPattern: index.spec.key, indexName: index.spec.name });
  if (branches) return doc({ stage: 'OR', inputStages: branches.map(describeSource) });
  const direction = reverse ? 'backward' : 'forward';
  const scan = index
    ? doc({ stage: 'IXSCAN', keyPattern: index.spec.key, indexName: index.spec.name, isMultiKey: index.multikey, isUnique: index.spec.unique, direction })
    : doc({ stage: 'COLLSCAN', direction });
  return index ? doc({ stage: 'FETCH', inputStage: scan }) : scan;
}

function runStats(collection: Collection | undefined, query: Query): Doc {
  const counts = { keys: 0, documents: 0 };
  const started = performance.now();
  let returned = 0;
  for (const _ of collection ? read(collection, { ...query, counts }) : []) returned += 1;
  return doc({
    executionSuccess: true,
    nReturned: integer(returned),
    executionTimeMillis: integer(Math.round(performance.now() - started)),
    totalKeysExamined: integer(counts.keys),
    totalDocsExamined: integer(counts.documents),
  });
}

export const explainCommands: Record<string, Command> = {
  explain: { fields: ['verbosity'], run: explain },
};
