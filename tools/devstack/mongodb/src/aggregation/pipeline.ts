import { type Doc, isDoc, typeName, type Value } from '../bson/values';
import type { Deadline } from '../deadline';
import { MongoError, notSupported, typeMismatch } from '../errors';
import type { Environment } from '../expressions/expression';
import type { Collection } from '../storage/collection';
import { REFUSED_STAGES } from './stage-names';
import { STAGES } from './stages';
import { TRANSFORMS } from './transforms';

/** What stages need besides the documents. */
export interface PipelineContext {
  environment: Environment;
  /** A collection of the same database, if it is there. */
  collection(name: string): Collection | undefined;
}

/** A stage at work: documents in, documents out, one at a time where that is possible. */
export type Stage = (input: Iterable<Doc>, context: PipelineContext) => Iterable<Doc>;
export type StageCompiler = (operand: Value, names: ReadonlySet<string>) => Stage;

/** One stage's name and operand. */
export function stageParts(stage: Value): [string, Value] {
  if (!isDoc(stage)) throw typeMismatch(`Each element of the 'pipeline' array must be an object, not ${typeName(stage)}`);
  const [entry] = stage;
  if (!entry || stage.size !== 1) throw new MongoError(40323, 'A pipeline stage specification object must contain exactly one field.');
  return entry;
}

/** Compiles a pipeline. An unknown stage is error 40324. `names` are the variables that its expressions may use. */
export function compilePipeline(stages: Value[], names: ReadonlySet<string>): Stage {
  const compiled = stages.map((stage) => compileStage(...stageParts(stage), names));
  return (input, context) => compiled.reduce<Iterable<Doc>>((documents, stage) => timed(stage(documents, context), context), input);
}

/** A stage may make many documents of one. */
function timed(documents: Iterable<Doc>, { environment: { deadline } }: PipelineContext): Iterable<Doc> {
  return deadline ? ticking(documents, deadline) : documents;
}

function* ticking(documents: Iterable<Doc>, deadline: Deadline): Generator<Doc> {
  for (const document of documents) {
    deadline.tick();
    yield document;
  }
}

function compileStage(name: string, operand: Value, names: ReadonlySet<string>): Stage {
  const transform = Object.hasOwn(TRANSFORMS, name) ? TRANSFORMS[name]?.(operand, names) : undefined;
  if (transform) {
    return function* transformed(input, { environment }) {
      for (const document of input) yield transform(document, environment);
    };
  }
  const compile = Object.hasOwn(STAGES, name) ? STAGES[name] : undefined;
  if (compile) return compile(operand, names);
  if (name === '$changeStream') throw new MongoError(40573, 'The $changeStream stage is only supported on replica sets');
  if (name === '$out' || name === '$merge') throw new MongoError(40601, `${name} can only be the final stage in the pipeline`);
  if (REFUSED_STAGES.has(name)) throw notSupported(`The pipeline stage ${name}`);
  throw new MongoError(40324, `Unrecognized pipeline stage name: '${name}'`);
}
