import { type Doc, doc, isDoc, type Value } from '../bson/values';
import { MongoError, typeMismatch } from '../errors';
import { compilePipeline, type PipelineContext } from '../aggregation/pipeline';
import { readPipeline } from '../aggregation/source';
import { arrayField, boolField, type Command, countField, docField, environmentOf, namespaceOf, type Request } from './command';
import { hintOf } from './read';

export function pipelineContext(request: Request): PipelineContext {
  return {
    environment: environmentOf(request, docField(request.body, 'let')),
    collection: (name) => request.store.find(`${request.database}.${name}`),
  };
}

export function pipelineOf(body: Doc): Value[] {
  const stages = arrayField(body, 'pipeline');
  if (!stages) throw new MongoError(40414, "BSON field 'aggregate.pipeline' is missing but a required field");
  return stages;
}

function aggregate(request: Request): Doc {
  const { body, store, cursors } = request;
  const stages = pipelineOf(body);
  refuseChangeStream(stages);
  if (typeof body.get('aggregate') !== 'string') throw new MongoError(73, '{aggregate: 1} is not supported by the embedded development server: name a collection');
  const cursor = body.get('cursor');
  if (!isDoc(cursor ?? null)) throw new MongoError(9, "The 'cursor' option is required, except for aggregate with the explain argument");
  if (boolField(body, 'explain')) throw typeMismatch('use the command explain instead of the option explain');
  const namespace = namespaceOf(request);
  const context = pipelineContext(request);
  const names = new Set(context.environment.variables.keys());
  const collection = store.find(namespace);
  const results = collection
    ? readPipeline(collection, stages, names, context, hintOf(body))
    : compilePipeline(stages, names)([], context);
  return cursors.start(namespace, results, countField(docField(body, 'cursor') ?? doc({}), 'batchSize'));
}

/** Answered before all else, because it may come without a collection. */
function refuseChangeStream([first]: Value[]): void {
  if (first !== undefined && isDoc(first) && first.has('$changeStream')) {
    throw new MongoError(40573, 'The $changeStream stage is only supported on replica sets');
  }
}

const FIELDS = ['pipeline', 'cursor', 'allowDiskUse', 'hint', 'let', 'bypassDocumentValidation', 'explain'];

export const aggregateCommands: Record<string, Command> = {
  aggregate: { fields: FIELDS, run: aggregate },
};
