import { isNumeric, toInteger } from '../bson/numbers';
import { type Doc, isDoc, type Maybe, type Value } from '../bson/values';
import { badValue, MongoError } from '../errors';
import { compileExpression, type Environment, type Expression } from '../expressions/expression';
import { compileElement, isOperatorDoc, type MatchScope } from './matcher';
import { isTruthy } from './operators';

export type Projection = (document: Doc, scope: MatchScope) => Doc;

/** Makes a new value out of a field's value; undefined leaves the field out. */
type Transform = (value: Value, scope: MatchScope) => Maybe;

type Node =
  | { kind: 'keep' }
  | { kind: 'drop' }
  | { kind: 'computed'; expression: Expression }
  /** `whole` transforms of an exclusion keep the other fields. */
  | { kind: 'transform'; transform: Transform }
  | { kind: 'tree'; children: Map<string, Node> };

interface Parsed {
  root: Map<string, Node>;
  inclusive?: boolean;
  names: Set<string>;
  find: boolean;
}

/** Compiles a projection of `find` (with `$`, `$elemMatch` and `$slice`) or of the stage `$project`. */
export function compileProjection(spec: Doc, find: boolean, variables: Iterable<string> = []): Projection {
  const parsed: Parsed = { root: new Map(), names: new Set(variables), find };
  for (const [path, value] of spec) if (path !== '_id') addField(parsed, path, value);
  addId(parsed, spec.get('_id'));
  const inclusive = parsed.inclusive ?? false;
  return (document, scope) => project(document, parsed.root, inclusive, { root: document, scope });
}

function addId(parsed: Parsed, value: Maybe): void {
  if (value === undefined) {
    if (parsed.inclusive) parsed.root.set('_id', { kind: 'keep' });
  } else if (isFlag(value)) {
    const keep = isTruthy(value);
    parsed.inclusive ??= keep;
    if (keep === parsed.inclusive || !keep) parsed.root.set('_id', { kind: keep ? 'keep' : 'drop' });
  } else {
    addField(parsed, '_id', value);
  }
}

const isFlag = (value: Value): boolean => typeof value === 'boolean' || isNumeric(value);

function setMode(parsed: Parsed, inclusive: boolean, path: string): void {
  parsed.inclusive ??= inclusive;
  if (parsed.inclusive === inclusive) return;
  throw inclusive
    ? new MongoError(31253, `Cannot do inclusion on field ${path} in exclusion projection`)
    : new MongoError(31254, `Cannot do exclusion on field ${path} in inclusion projection`);
}

function addField(parsed: Parsed, path: string, value: Value): void {
  if (path === '' || path.split('.').some((part) => part === '')) throw new MongoError(40353, 'FieldPath must not end with a \'.\' or be empty.');
  if (isFlag(value)) {
    if (parsed.find && path.endsWith('.$')) return addPositional(parsed, path.slice(0, -2));
    setMode(parsed, isTruthy(value), path);
    return place(parsed, path, isTruthy(value) ? { kind: 'keep' } : { kind: 'drop' });
  }
  if (isDoc(value) && !isOperatorDoc(value)) {
    if (value.size === 0) throw new MongoError(51270, `An empty sub-projection is not a valid value. Found empty object at path`);
    for (const [name, item] of value) addField(parsed, `${path}.${name}`, item);
    return;
  }
  if (parsed.find && isDoc(value) && value.size === 1) {
    const [[operator, operand]] = [...value] as [[string, Value]];
    if (operator === '$slice') return place(parsed, path, { kind: 'transform', transform: slice(operand) });
    if (operator === '$elemMatch') {
      setMode(parsed, true, path);
      return place(parsed, path, { kind: 'transform', transform: firstMatching(operand, parsed.names) });
    }
    if (operator === '$meta') throw badValue('Projecting $meta is not supported by the embedded development server');
  }
  setMode(parsed, true, path);
  place(parsed, path, { kind: 'computed', expression: compileExpression(value, parsed.names) });
}

function addPositional(parsed: Parsed, path: string): void {
  setMode(parsed, true, path);
  const transform: Transform = (value, { arrayIndex }) => {
    if (!Array.isArray(value)) return value;
    if (arrayIndex === undefined) {
      throw new MongoError(51246, "Executor error during find command :: caused by :: positional operator '.$' couldn't find a matching element in the array");
    }
    return value.slice(arrayIndex, arrayIndex + 1);
  };
  place(parsed, path, { kind: 'transform', transform });
}

function place(parsed: Parsed, path: string, node: Node): void {
  const names = path.split('.');
  let children = parsed.root;
  names.slice(0, -1).forEach((name, index) => {
    const next = children.get(name) ?? { kind: 'tree', children: new Map<string, Node>() };
    if (next.kind !== 'tree') throw collision(path, names.slice(index + 1).join('.'));
    children.set(name, next);
    children = next.children;
  });
  const last = names.at(-1) ?? '';
  if (last.startsWith('$')) throw new MongoError(16410, `FieldPath field names may not start with '$'. Consider using $getField or $setField.`);
  if (children.has(last)) throw collision(path, last);
  children.set(last, node);
}

const collision = (path: string, rest: string) => new MongoError(31249, `Path collision at ${path} remaining portion ${rest}`);

interface Context {
  root: Doc;
  scope: MatchScope;
}

function project(document: Doc, nodes: Map<string, Node>, inclusive: boolean, context: Context): Doc {
  const result: Doc = new Map();
  for (const [name, value] of document) {
    const projected = projectField(value, nodes.get(name), inclusive, context);
    if (projected !== undefined) result.set(name, projected);
  }
  addComputed(document, result, nodes, inclusive, context);
  return result;
}

function projectField(value: Value, node: Node | undefined, inclusive: boolean, context: Context): Maybe {
  switch (node?.kind) {
    case undefined:
      return inclusive ? undefined : value;
    case 'keep':
      return value;
    case 'drop':
    case 'computed':
      return undefined;
    case 'transform':
      return node.transform(value, context.scope);
    case 'tree':
      return projectInside(value, node.children, inclusive, context);
  }
}

function projectInside(value: Value, nodes: Map<string, Node>, inclusive: boolean, context: Context): Maybe {
  if (isDoc(value)) return project(value, nodes, inclusive, context);
  if (!Array.isArray(value)) return inclusive ? (hasComputed(nodes) ? computedOnly(nodes, context) : undefined) : value;
  return value.flatMap((item): Value[] => {
    const projected = projectInside(item, nodes, inclusive, context);
    return projected === undefined ? [] : [projected];
  });
}

function hasComputed(nodes: Map<string, Node>): boolean {
  return [...nodes.values()].some((node) => node.kind === 'computed' || (node.kind === 'tree' && hasComputed(node.children)));
}

function computedOnly(nodes: Map<string, Node>, context: Context): Doc {
  return project(new Map(), nodes, true, context);
}

function addComputed(document: Doc, result: Doc, nodes: Map<string, Node>, inclusive: boolean, context: Context): void {
  for (const [name, node] of nodes) {
    if (node.kind === 'computed') {
      const value = node.expression(context.root, context.scope.environment);
      if (value !== undefined) result.set(name, value);
    } else if (node.kind === 'tree' && inclusive && !document.has(name) && hasComputed(node.children)) {
      result.set(name, computedOnly(node.children, context));
    }
  }
}

function slice(operand: Value): Transform {
  const [first, second] = (Array.isArray(operand) ? operand : [operand]).map(toInteger);
  if (first === undefined || (Array.isArray(operand) && (operand.length !== 2 || second === undefined || second <= 0))) {
    throw new MongoError(28667, 'Invalid $slice syntax: it needs a number, or an array of a number and a positive number');
  }
  return (value) => {
    if (!Array.isArray(value)) return value;
    if (second === undefined) return first < 0 ? value.slice(first) : value.slice(0, first);
    const start = first < 0 ? Math.max(0, value.length + first) : first;
    return value.slice(start, start + second);
  };
}

function firstMatching(operand: Value, names: Set<string>): Transform {
  if (!isDoc(operand)) throw badValue('elemMatch: Invalid argument, object required');
  const test = compileElement(operand, names);
  return (value, { environment }: { environment: Environment }) => {
    if (!Array.isArray(value)) return undefined;
    const index = value.findIndex((item) => test(item, environment));
    return index < 0 ? undefined : value.slice(index, index + 1);
  };
}
