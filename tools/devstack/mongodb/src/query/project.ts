import { toInteger } from '../bson/numbers';
import { type Doc, isDoc, type Maybe, type Value } from '../bson/values';
import { MongoError } from '../errors';
import type { Expression } from '../expressions/expression';
import type { MatchScope } from './matcher';

export type Projection = (document: Doc, scope: MatchScope) => Doc;

/** Makes a new value out of a field's value. */
type Transform = (value: Value, scope: MatchScope) => Value;

export type Node =
  | { kind: 'keep' }
  | { kind: 'drop' }
  | { kind: 'computed'; expression: Expression }
  | { kind: 'transform'; transform: Transform }
  | { kind: 'tree'; children: Map<string, Node> };

interface Context {
  root: Doc;
  scope: MatchScope;
}

/** Applies a projection; computed fields come after the ones that are kept. */
export function project(document: Doc, nodes: Map<string, Node>, inclusive: boolean, context: Context): Doc {
  const result: Doc = new Map();
  for (const [name, value] of document) {
    const projected = projectField(value, nodes.get(name), inclusive, context);
    if (projected !== undefined) result.set(name, projected);
  }
  addComputed(document, result, nodes, context);
  return result;
}

function projectField(value: Value, node: Node | undefined, inclusive: boolean, context: Context): Maybe {
  switch (node?.kind) {
    case undefined:
      return inclusive ? undefined : value;
    case 'keep':
      return value;
    case 'drop':
      return undefined;
    case 'computed':
      // What is computed in an exclusion, by `$elemMatch`, stays where the field was.
      return inclusive ? undefined : node.expression(context.root, context.scope.environment);
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

const computedOnly = (nodes: Map<string, Node>, context: Context): Doc => project(new Map(), nodes, true, context);

function addComputed(document: Doc, result: Doc, nodes: Map<string, Node>, context: Context): void {
  for (const [name, node] of nodes) {
    if (node.kind === 'computed' && !result.has(name)) {
      const value = node.expression(context.root, context.scope.environment);
      if (value !== undefined) result.set(name, value);
    } else if (node.kind === 'tree' && !document.has(name) && hasComputed(node.children)) {
      result.set(name, computedOnly(node.children, context));
    }
  }
}

/** The element that the query found. */
export function positional(value: Value, { arrayIndex }: MatchScope): Value {
  if (!Array.isArray(value)) return value;
  if (arrayIndex === undefined) {
    throw new MongoError(51246, "Executor error during find command :: caused by :: positional operator '.$' couldn't find a matching element in the array");
  }
  if (arrayIndex >= value.length) {
    throw new MongoError(51247, "Executor error during find command :: caused by :: positional operator '.$' element mismatch");
  }
  return value.slice(arrayIndex, arrayIndex + 1);
}

/** The projection `$slice` of `find`: a count from one end, or how many to skip and how many to take. */
export function arraySlice(operand: Value): Transform {
  const [first = 0, second] = (Array.isArray(operand) ? operand : [operand]).map(toInteger);
  return (value) => {
    if (!Array.isArray(value)) return value;
    if (second === undefined) return first < 0 ? value.slice(first) : value.slice(0, first);
    const start = first < 0 ? Math.max(0, value.length + first) : first;
    return value.slice(start, start + second);
  };
}
