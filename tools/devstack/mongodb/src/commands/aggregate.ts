import { type Doc, isDoc, type Value } from '../bson/values';
import { missingField, MongoError, notSupported, typeMismatch } from '../errors';
import { compileExpression } from '../expressions/expression';
import { compilePipeline, type PipelineContext, stageParts } from '../aggregation/pipeline';
import { readPipeline } from '../aggregation/source';
import { arrayField, batchSizeOf, boolField, type Command, docField, environmentOf, findCollection, namespaceOf, type Request } from './command';
import { hintOf } from './read';
import { writeStageOf } from './write-stages';

export function pipelineContext(request: Request): PipelineContext {
  return {
    environment: environmentOf(request, docField(request.body, 'let')),
    collection: (name) => request.store.find(`${request.database}.${name}`),
  };
}

export function pipelineOf(body: Doc): Value[] {
  const stages = arrayField(body, 'pipeline');
  if (!stages) throw missingField('aggregate.pipeline');
  return stages;
}

function aggregate(request: Request): Doc {
  const { body, store, cursors, deadline } = request;
  const stages = pipelineOf(body);
  refuseChangeStream(stages);
  if (!body.has('cursor')) throw new MongoError(9, "The 'cursor' option is required, except for aggregate with the explain argument");
  if (boolField(body, 'explain')) throw typeMismatch('use the command explain instead of the option explain');
  const batchSize = batchSizeOf(body);
  const writes = writeStageOf(request, stages);
  if (!writes) return cursors.start(sourceOf(request, stages), resultsOf(request, stages), batchSize, { deadline });
  store.transaction(() => writes(resultsOf(request, stages.slice(0, -1))));
  return cursors.start(sourceOf(request, stages), [], batchSize);
}

/** The namespace that a pipeline reads; `{ aggregate: 1 }` reads none and brings its own documents. */
function sourceOf(request: Request, [first]: Value[]): string {
  if (typeof request.body.get('aggregate') === 'string') return namespaceOf(request);
  const name = first !== undefined && isDoc(first) ? stageParts(first)[0] : '';
  if (name !== '$documents') throw notSupported(name === '' ? 'An empty pipeline of a database' : `The pipeline stage ${name} of a database`);
  return `${request.database}.$cmd.aggregate`;
}

function resultsOf(request: Request, stages: Value[]): Iterable<Doc> {
  const context = pipelineContext(request);
  const names = new Set(context.environment.variables.keys());
  sourceOf(request, stages);
  if (typeof request.body.get('aggregate') !== 'string') {
    return compilePipeline(stages.slice(1), names)(documentsOf(stages[0] ?? null, context, names), context);
  }
  const collection = findCollection(request);
  if (collection) return readPipeline(collection, stages, names, context, hintOf(request.body));
  return compilePipeline(stages, names)([], context);
}

function documentsOf(stage: Value, { environment }: PipelineContext, names: ReadonlySet<string>): Doc[] {
  const [, operand] = stageParts(stage);
  const documents = compileExpression(operand, names)(new Map(), environment);
  if (Array.isArray(documents) && documents.every(isDoc)) return documents;
  throw new MongoError(5858203, 'an array of documents is expected in $documents');
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
