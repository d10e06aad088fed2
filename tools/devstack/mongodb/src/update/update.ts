import { compareStrings, equal } from '../bson/compare';
import { clone, type Doc, isDoc, type Maybe, type Value } from '../bson/values';
import { failedToParse, MongoError } from '../errors';
import { TRANSFORMS, type Transform } from '../aggregation/transforms';
import type { MatchScope } from '../query/matcher';
import { isIndex } from '../query/paths';
import { type Change, operatorFields, UPDATE_OPERATORS } from './operators';
import { checkArrayFilters, type ElementTest, expandPath, parseArrayFilters } from './positions';
import { targetAt } from './targets';

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
  const renames: [string, string][] = [];
  for (const [name, operand] of spec) {
    const fields = operatorFields(name, operand);
    if (name === '$rename') renames.push(...renamesOf(fields));
    else for (const [path, value] of fields) steps.push(compileStep(name, path, value));
  }
  const paths = [...steps.map(({ path }) => path), ...renames.flat()];
  checkConflicts(paths);
  checkArrayFilters(paths, filters);
  steps.sort((a, b) => comparePaths(a.path, b.path));
  return {
    replaces: false,
    apply: (document, scope, inserting) => {
      const result = clone(document);
      for (const [from, to] of renames) rename(result, from, to);
      for (const step of steps) if (inserting || !step.insertOnly) applyStep(result, step, { scope, tests: filters });
      return keepId(document, result);
    },
  };
}

function compileStep(name: string, path: string, operand: Value): Step {
  const operator = UPDATE_OPERATORS[name];
  if (!operator) {
    throw failedToParse(`Unknown modifier: ${name}. Expected a valid update modifier or pipeline-style update specified as an array`);
  }
  checkPath(path);
  return { path, creates: operator.creates, insertOnly: name === '$setOnInsert', change: operator.compile(operand, path) };
}

function checkPath(path: string): void {
  for (const [at, part] of path.split('.').entries()) {
    if (part === '') throw new MongoError(56, `The update path '${path}' contains an empty field name, which is not allowed.`);
    if (!part.startsWith('$')) continue;
    const positional = part === '$' || /^\$\[.*\]$/.test(part);
    if (!positional) throw new MongoError(52, `The dollar ($) prefixed field '${part}' in '${path}' is not valid for storage.`);
    if (at === 0) throw new MongoError(2, `Cannot have array filter or positional identifier ${part} in the first position in path '${path}'`);
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

function applyStep(document: Doc, step: Step, positions: { scope: MatchScope; tests: Map<string, ElementTest> }): void {
  const { environment } = positions.scope;
  for (const path of expandPath(document, step.path, positions)) {
    const target = targetAt(document, path, step.creates);
    if (target) step.change(target, { environment, id: document.get('_id'), path: path.join('.') });
  }
}

function renamesOf(fields: Doc): [string, string][] {
  return [...fields].map(([from, to]) => {
    if (typeof to !== 'string') throw new MongoError(2, `The 'to' field for $rename must be a string: ${from}`);
    if (from === to) throw new MongoError(2, `The source and target field for $rename must differ: ${from}`);
    for (const path of [from, to]) {
      if (path.includes('$')) throw new MongoError(2, `The source and target field for $rename may not be dynamic: ${path}`);
      checkPath(path);
    }
    return [from, to];
  });
}

function rename(document: Doc, from: string, to: string): void {
  const source = targetAt(document, from.split('.'), false);
  const value = source?.get();
  if (!source || value === undefined) return;
  for (const path of [from, to]) refuseArrays(document, path);
  source.unset();
  targetAt(document, to.split('.'), true).set(value);
}

function refuseArrays(document: Doc, path: string): void {
  let value: Maybe = document;
  for (const part of path.split('.')) {
    if (Array.isArray(value)) throw new MongoError(2, `The source or target field for $rename cannot be an array element, '${path}' has an array field`);
    value = isDoc(value) ? value.get(part) : undefined;
  }
}

