import { compareStrings, equal } from '../bson/compare';
import { showValue } from '../bson/show';
import { clone, type Doc, isDoc, type Maybe, type Value } from '../bson/values';
import { failedToParse, MongoError } from '../errors';
import { isStage } from '../aggregation/stage-names';
import { TRANSFORMS, type Transform } from '../aggregation/transforms';
import type { MatchScope } from '../query/matcher';
import { isIndex } from '../query/paths';
import { type Change, operatorFields, updateOperator } from './operators';
import { checkArrayFilters, type ElementTest, expandPath, parseArrayFilters } from './positions';
import { checkViable, targetAt } from './targets';

export interface Update {
  /** Whether the document is replaced as a whole; such an update cannot be `multi`. */
  readonly replaces: boolean;
  /** The new document; the old one is left as it is. `_id` stays. */
  apply(document: Doc, scope: MatchScope, inserting: boolean): Doc;
}

interface Step {
  path: string;
  creates: boolean;
  insertOnly: boolean;
  change: Change;
  /** Of a `$rename`: the field that moves to `path`. */
  from?: string;
  /** Whether a path that could not be made is no error. */
  lenient: boolean;
}

export interface UpdateOptions {
  arrayFilters?: Value[];
  variables?: Iterable<string>;
}

/** Compiles an update: operators, a replacement, or a pipeline. */
export function compileUpdate(spec: Value, { arrayFilters, variables = [] }: UpdateOptions = {}): Update {
  if (Array.isArray(spec)) {
    if (arrayFilters) throw failedToParse('arrayFilters may not be specified for pipeline-style updates');
    return pipelineUpdate(spec, new Set(variables));
  }
  if (!isDoc(spec)) throw failedToParse('Update argument must be either an object or an array');
  const [first] = spec.keys();
  if (first?.startsWith('$')) return operatorUpdate(spec, parseArrayFilters(arrayFilters ?? []));
  if (arrayFilters) throw failedToParse('arrayFilters may not be specified for replacement-style updates');
  return replacement(spec);
}

function replacement(spec: Doc): Update {
  for (const name of spec.keys()) {
    if (name.startsWith('$')) throw new MongoError(52, `The dollar ($) prefixed field '${name}' in '${name}' is not allowed in the context of an update's replacement document. Consider using an aggregation pipeline with $replaceWith.`);
  }
  return { replaces: true, apply: (document) => keepId(document, clone(spec)) };
}

/** `_id` comes first and never changes. */
function keepId(before: Doc, after: Doc): Doc {
  const id = before.get('_id');
  const next: Maybe = after.get('_id');
  if (id === undefined) return after;
  if (next !== undefined && !equal(id, next)) {
    throw new MongoError(66, "After applying the update, the (immutable) field '_id' was found to have been altered");
  }
  if ([...after.keys()][0] === '_id') return after;
  const result: Doc = new Map([['_id', id]]);
  for (const [name, value] of after) if (name !== '_id') result.set(name, value);
  return result;
}

const UPDATE_STAGES = new Set(['$addFields', '$set', '$unset', '$project', '$replaceRoot', '$replaceWith']);

function pipelineUpdate(stages: Value[], names: ReadonlySet<string>): Update {
  const transforms = stages.map((stage): Transform => {
    if (!isDoc(stage) || stage.size !== 1) throw new MongoError(40323, 'A pipeline stage specification object must contain exactly one field.');
    const [[name, operand]] = [...stage] as [[string, Value]];
    const compile = TRANSFORMS[name];
    if (!isStage(name)) throw new MongoError(40324, `Unrecognized pipeline stage name: '${name}'`);
    if (!UPDATE_STAGES.has(name) || !compile) throw new MongoError(72, `${name} is not allowed to be used within an update`);
    return compile(operand, names);
  });
  return {
    replaces: false,
    apply: (document, { environment }) =>
      keepId(document, clone(transforms.reduce((current, transform) => transform(current, environment), document))),
  };
}

function operatorUpdate(spec: Doc, filters: Map<string, ElementTest>): Update {
  const steps: Step[] = [];
  for (const [name, operand] of spec) {
    const fields = operatorFields(name, operand);
    for (const [path, value] of fields) steps.push(name === '$rename' ? renameStep(path, value) : compileStep(name, path, value));
  }
  const paths = steps.flatMap(({ path, from }) => (from === undefined ? [path] : [path, from]));
  checkConflicts(paths);
  checkArrayFilters(paths, filters);
  steps.sort((a, b) => comparePaths(a.path, b.path));
  return {
    replaces: false,
    apply: (document, scope, inserting) => {
      const result = clone(document);
      const positions = { scope, tests: filters };
      const places = steps.filter((step) => inserting || !step.insertOnly).map((step) => ({ step, paths: expandPath(result, step.path, positions) }));
      if (paths.some((path) => path.includes('$'))) checkConflicts(places.flatMap((place) => place.paths.map((path) => path.join('.'))));
      for (const { step, paths: found } of places) for (const path of found) applyStep(result, step, path, scope);
      checkId(document.get('_id'), result.get('_id'));
      return keepId(document, result);
    },
  };
}

function checkId(before: Maybe, after: Maybe): void {
  if (before === undefined || equal(before, after)) return;
  throw new MongoError(66, "Performing an update on the path '_id' would modify the immutable field '_id'");
}

function compileStep(name: string, path: string, operand: Value): Step {
  const operator = updateOperator(name);
  if (!operator) throw failedToParse(`Unknown modifier: ${name}`);
  checkPath(path);
  return {
    path,
    creates: operator.creates,
    lenient: operator.lenient ?? false,
    insertOnly: name === '$setOnInsert',
    change: operator.compile(operand, path),
  };
}

function checkPath(path: string): void {
  if (path === '') throw new MongoError(56, 'An empty update path is not valid.');
  const parts = path.split('.');
  if (parts.filter((part) => part === '$').length > 1) throw new MongoError(2, `Too many positional (i.e. '$') elements found in path '${path}'`);
  for (const [at, part] of parts.entries()) {
    if (part === '') throw new MongoError(56, `The update path '${path}' contains an empty field name, which is not allowed.`);
    if (!part.startsWith('$')) continue;
    const positional = part === '$' || /^\$\[.*\]$/.test(part);
    if (!positional) throw new MongoError(52, `The dollar ($) prefixed field '${part}' in '${path}' is not valid for storage.`);
    if (at === 0) throw new MongoError(2, `Cannot have ${part === '$' ? 'positional' : 'array filter identifier'} (i.e. '${part === '$' ? part : '$[<id>]'}') element in the first position in path '${path}'`);
  }
}

/** Updates are applied in the order of their paths, numbers by value. */
function comparePaths(a: string, b: string): number {
  const [left, right] = [a.split('.'), b.split('.')];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const [x = '', y = ''] = [left[at], right[at]];
    const order = isIndex(x) && isIndex(y) ? Number(x) - Number(y) : compareStrings(x, y);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function checkConflicts(paths: string[]): void {
  const seen = new Set<string>();
  const parents = new Set<string>();
  for (const path of paths) {
    const parts = path.split('.');
    const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join('.'));
    const clash = prefixes.find((prefix) => seen.has(prefix)) ?? (parents.has(path) ? path : undefined);
    if (clash !== undefined) throw new MongoError(40, `Updating the path '${path}' would create a conflict at '${clash}'`);
    seen.add(path);
    for (const prefix of prefixes.slice(0, -1)) parents.add(prefix);
  }
}

function applyStep(document: Doc, step: Step, path: string[], { environment }: MatchScope): void {
  if (step.from !== undefined) return rename(document, step.from, step.path);
  const target = targetAt(document, path, step.creates);
  if (target) step.change(target, { environment, id: document.get('_id'), path: path.join('.') });
  else if (!step.lenient) checkViable(document, path);
}

function renameStep(from: string, to: Value): Step {
  if (typeof to !== 'string') throw new MongoError(2, `The 'to' field for $rename must be a string: ${from}: ${showValue(to)}`);
  const shown = `${from}: ${showValue(to)}`;
  if (from === to) throw new MongoError(2, `The source and target field for $rename must differ: ${shown}`);
  if (from.startsWith(`${to}.`) || to.startsWith(`${from}.`)) {
    throw new MongoError(2, `The source and target field for $rename must not be on the same path: ${shown}`);
  }
  for (const [kind, path] of [['source', from], ['destination', to]] as const) {
    checkPath(path);
    if (path.includes('$')) throw new MongoError(2, `The ${kind} field for $rename may not be dynamic: ${path}`);
  }
  return { path: to, from, creates: false, lenient: true, insertOnly: false, change: () => undefined };
}

function rename(document: Doc, from: string, to: string): void {
  const source = targetAt(document, from.split('.'), false);
  const value = source?.get();
  if (!source || value === undefined) return checkViable(document, from.split('.'));
  refuseArrays(document, 'source', from);
  refuseArrays(document, 'destination', to);
  source.unset();
  targetAt(document, to.split('.'), true).set(value);
}

function refuseArrays(document: Doc, kind: string, path: string): void {
  let value: Maybe = document;
  let name = '';
  for (const part of path.split('.')) {
    if (Array.isArray(value)) {
      throw new MongoError(2, `The ${kind} field cannot be an array element, '${path}' in doc with _id: ${showValue(document.get('_id') ?? null)} has an array field called '${name}'`);
    }
    name = part;
    value = isDoc(value) ? value.get(part) : undefined;
  }
}
