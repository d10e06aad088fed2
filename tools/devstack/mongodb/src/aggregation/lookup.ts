import { type Doc, doc, isDoc, type Maybe, type Value } from '../bson/values';
import { MongoError, notSupported } from '../errors';
import { variableName } from '../expressions/arguments';
import { compileExpression, getField } from '../expressions/expression';
import { compileFilter } from '../query/matcher';
import { splitPath } from '../query/paths';
import type { Collection } from '../storage/collection';
import { makePlan } from '../storage/planner';
import { type Found, read } from '../storage/reader';
import { targetAt } from '../update/targets';
import { held, MAX_STAGE_BYTES } from './memory';
import { StageOptions } from './options';
import { compilePipeline, type PipelineContext, type StageCompiler, stageParts } from './pipeline';
import { readPipeline } from './source';

/** The values that a local field is compared by: itself, its elements, or null where it is missing. */
export function joinValues(document: Doc, path: string[]): Value[] {
  const value = getField(document, path, 0);
  if (Array.isArray(value)) return value;
  return [value ?? null];
}

/** The documents whose field equals one of the values. */
export function* joined(collection: Collection, path: string, values: Value[], { environment }: PipelineContext): Generator<Found> {
  const filter = doc({ [path]: doc({ $in: values }) });
  const query = { plan: makePlan(collection, filter, []), match: compileFilter(filter), sort: [], skip: 0, limit: Infinity };
  yield* read(collection, { ...query, scope: { environment } });
}

function* documentsOf(found: Iterable<Found>): Generator<Doc> {
  for (const { document } of found) yield document;
}

/** Joins by equality of two fields, by a pipeline, or by both. */
export const lookup: StageCompiler = (operand, names) => {
  const options = new StageOptions(operand, '$lookup', ['from', 'as', 'localField', 'foreignField', 'let', 'pipeline']);
  const from = options.string('from');
  const as = splitPath(options.string('as'));
  const local = options.optionalString('localField');
  const foreign = options.optionalString('foreignField');
  if ((local === undefined) !== (foreign === undefined)) {
    throw new MongoError(9, '$lookup requires both or neither of "localField" and "foreignField" to be specified');
  }
  const stages = options.array('pipeline');
  for (const stage of stages ?? []) refuseWrites(stage, 51047, 'a $lookup stage');
  if (local === undefined && !stages) throw new MongoError(9, "$lookup requires either 'pipeline' or both 'localField' and 'foreignField' to be specified");
  if (options.get('let') !== undefined && !stages) throw new MongoError(9, '$lookup with a let argument must also specify a pipeline');
  const scope = letScope(options.get('let'), names);
  const run = compilePipeline(stages ?? [], scope.names);

  return function* lookedUp(input, context) {
    const collection = context.collection(from);
    for (const document of input) {
      const inner = scope.enter(document, context);
      let found: Iterable<Doc> = [];
      if (collection && local !== undefined && foreign !== undefined) {
        found = run(documentsOf(joined(collection, foreign, joinValues(document, splitPath(local)), context)), inner);
      } else if (collection || stages?.length) {
        found = collection ? readPipeline(collection, stages ?? [], scope.names, inner) : run([], inner);
      }
      const items = held(found, (bytes) => {
        if (bytes > MAX_STAGE_BYTES) throw new MongoError(4568, `Total size of documents in ${from} matching pipeline's $lookup stage exceeds ${MAX_STAGE_BYTES} bytes`);
      });
      yield withArray(document, as, items);
    }
  };
};

const WRITES = new Set(['$out', '$merge', '$changeStream']);

function refuseWrites(stage: Value, code: number, where: string): void {
  const [name] = stageParts(stage);
  if (WRITES.has(name)) throw new MongoError(code, `${name} is not allowed to be used within ${where}`);
}

function letScope(value: Maybe, names: ReadonlySet<string>) {
  if (value !== undefined && !isDoc(value)) throw new MongoError(9, '$lookup argument \'let\' must be an object');
  const fields = [...(value ?? [])].map(([name, item]) => [variableName(name), compileExpression(item, names)] as const);
  return {
    names: new Set([...names, ...fields.map(([name]) => name)]),
    enter(document: Doc, context: PipelineContext): PipelineContext {
      if (fields.length === 0) return context;
      const variables = new Map(context.environment.variables);
      for (const [name, expression] of fields) variables.set(name, expression(document, context.environment));
      return { ...context, environment: { ...context.environment, variables } };
    },
  };
}

/** A copy of the document with an array at the path. */
export function withArray(document: Doc, path: string[], items: Doc[]): Doc {
  const copy: Doc = new Map(document);
  const [name = '', ...rest] = path;
  if (rest.length === 0) return copy.set(name, items);
  const inner = copy.get(name);
  copy.set(name, isDoc(inner) ? new Map(inner) : new Map());
  targetAt(copy, path, true).set(items);
  return copy;
}

export const unionWith: StageCompiler = (operand, names) => {
  const spec = typeof operand === 'string' ? new Map<string, Value>([['coll', operand]]) : operand;
  const options = new StageOptions(spec, '$unionWith', ['coll', 'pipeline']);
  if (options.get('coll') === undefined) throw notSupported('$unionWith without coll');
  const from = options.string('coll');
  const stages = options.array('pipeline') ?? [];
  for (const stage of stages) refuseWrites(stage, 31441, "a $unionWith's sub-pipeline");
  compilePipeline(stages, names);
  return function* united(input, context) {
    yield* input;
    const collection = context.collection(from);
    if (collection) yield* readPipeline(collection, stages, names, context);
  };
};
