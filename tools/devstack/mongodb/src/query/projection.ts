import { isNumeric } from '../bson/numbers';
import { type Doc, isDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError, notSupported } from '../errors';
import { compileExpression, type Expression, isOperator } from '../expressions/expression';
import { compileElement, type MatchScope } from './matcher';
import { isTruthy } from './operators';
import { fieldPath } from './paths';
import { arraySlice, type Node, positional, project, type Projection } from './project';

export type { Projection } from './project';

interface Parsed {
  root: Map<string, Node>;
  inclusive?: boolean;
  /** What the projection says of `_id` as a whole. */
  id?: boolean;
  hasPositional: boolean;
  hasSlice: boolean;
  hasElementMatch: boolean;
  names: Set<string>;
  find: boolean;
}

/** Compiles a projection of `find` (with `$`, `$elemMatch` and `$slice`) or of the stage `$project`. */
export function compileProjection(spec: Doc, find: boolean, variables: Iterable<string> = []): Projection {
  const parsed: Parsed = { root: new Map(), hasPositional: false, hasSlice: false, hasElementMatch: false, names: new Set(variables), find };
  for (const [path, value] of spec) addField(parsed, path, value, '');
  const inclusive = parsed.inclusive ?? defaultMode(parsed);
  const namesId = [...spec.keys()].some((path) => path === '_id' || path.startsWith('_id.'));
  if (inclusive && !namesId) parsed.root.set('_id', { kind: 'keep' });
  if (!inclusive && parsed.id) parsed.root.delete('_id');
  return (document: Doc, scope: MatchScope) => project(document, parsed.root, inclusive, { root: document, scope });
}

/** What a projection is that names no field but `_id`, as a whole. */
function defaultMode({ hasSlice, hasElementMatch, id }: Parsed): boolean {
  if (hasSlice) return id === true;
  return hasElementMatch || id === true;
}

const isFlag = (value: Value): boolean => typeof value === 'boolean' || isNumeric(value);

/** `parent` is the path that a sub-document of the projection stands at, with its dot. */
function addField(parsed: Parsed, name: string, value: Value, parent: string): void {
  const dollar = positionOf(name);
  if (dollar !== undefined && !parsed.find) throw new MongoError(31324, 'Cannot use positional projection in aggregation projection');
  if (isDoc(value)) {
    if (dollar !== undefined) throw new MongoError(31271, 'positional projection cannot be used with an expression or sub object');
    return addDocument(parsed, name, value, parent);
  }
  if (!isFlag(value)) {
    if (dollar !== undefined) throw new MongoError(31308, 'positional projection cannot be used with a literal');
    place(parsed, parent + name, { kind: 'computed', expression: compileExpression(value, parsed.names) });
    return setInclusive(parsed, new MongoError(31310, `Cannot use an expression ${name} in an exclusion projection`));
  }
  if (!isTruthy(value)) return addExclusion(parsed, name, parent, dollar !== undefined);
  if (dollar === undefined) place(parsed, parent + name, { kind: 'keep' });
  else addPositional(parsed, parent + name);
  if (parent + name === '_id') parsed.id = true;
  else setInclusive(parsed, new MongoError(31253, `Cannot do inclusion on field ${name} in exclusion projection`));
}

const positionOf = (path: string): number | undefined => {
  const at = path.search(/\.\$(\.|$)/);
  return at < 0 ? undefined : at;
};

function setInclusive(parsed: Parsed, failure: MongoError): void {
  if (parsed.inclusive === false) throw failure;
  parsed.inclusive = true;
}

function addExclusion(parsed: Parsed, name: string, parent: string, isPositional: boolean): void {
  if (isPositional) throw new MongoError(31395, 'positional projection cannot be used with exclusion');
  place(parsed, parent + name, { kind: 'drop' });
  if (parent + name === '_id') {
    parsed.id = false;
    return;
  }
  if (parsed.inclusive) throw new MongoError(31254, `Cannot do exclusion on field ${name} in inclusion projection`);
  parsed.inclusive = false;
}

function addPositional(parsed: Parsed, path: string): void {
  if (parsed.hasPositional) throw new MongoError(31276, 'Cannot specify more than one positional projection per query.');
  if (parsed.hasElementMatch) throw new MongoError(31256, 'Cannot specify positional operator and $elemMatch.');
  if (!path.endsWith('.$') || positionOf(path) !== path.length - 2) {
    throw new MongoError(31394, `As of 4.4, it's illegal to specify positional operator in the middle of a path.Positional projection may only be used at the end, for example: a.b.$. If the query previously used a form like a.b.$.d, remove the parts following the '$' and the results will be equivalent.`);
  }
  place(parsed, path.slice(0, -2), { kind: 'transform', transform: positional });
  parsed.hasPositional = true;
}

function addDocument(parsed: Parsed, name: string, value: Doc, parent: string): void {
  const [entry] = value;
  if (!entry) throw new MongoError(51270, 'An empty sub-projection is not a valid value. Found empty object at path');
  const [operator, operand] = entry;
  if (value.size === 1 && operator.startsWith('$')) return addOperator(parsed, name, operator, operand, parent);
  for (const [field, item] of value) addField(parsed, field, item, `${parent}${name}.`);
}

function addOperator(parsed: Parsed, name: string, operator: string, operand: Value, parent: string): void {
  const path = parent + name;
  if (parsed.find && operator === '$slice' && isFindSlice(operand)) {
    parsed.hasSlice = true;
    return place(parsed, path, { kind: 'transform', transform: arraySlice(operand) });
  }
  if (operator === '$elemMatch') {
    if (!parsed.find) throw new MongoError(168, 'Cannot use $elemMatch in this context');
    return addElementMatch(parsed, path, operand);
  }
  if (operator === '$meta') throw notSupported('Projecting $meta');
  if (!isOperator(operator)) throw new MongoError(31325, `Unknown expression ${operator}`);
  if (parsed.inclusive === false) throw new MongoError(31252, 'Cannot use expression other than $meta in exclusion projection');
  parsed.inclusive = true;
  place(parsed, path, { kind: 'computed', expression: compileExpression(new Map([[operator, operand]]), parsed.names) });
}

/** A number, or how many to skip and a positive limit; all else is the expression of the same name. */
function isFindSlice(operand: Value): boolean {
  if (!Array.isArray(operand)) return isNumeric(operand);
  const [skip, limit] = operand;
  return operand.length === 2 && isNumeric(skip) && isNumeric(limit) && isTruthy(limit) && !String(limit).startsWith('-');
}

function addElementMatch(parsed: Parsed, path: string, operand: Value): void {
  if (!isDoc(operand)) throw new MongoError(31274, `elemMatch: Invalid argument, object required, but got ${typeName(operand)}`);
  if (parsed.hasPositional) throw new MongoError(31255, 'Cannot specify positional operator and $elemMatch.');
  if (path.includes('.')) throw new MongoError(31275, 'Cannot use $elemMatch projection on a nested field.');
  parsed.hasElementMatch = true;
  place(parsed, path, { kind: 'computed', expression: firstMatching(path, operand, parsed.names) });
}

function firstMatching(path: string, operand: Doc, names: Set<string>): Expression {
  const test = compileElement(operand, names);
  return (root, environment): Maybe => {
    const value = root.get(path);
    const index = Array.isArray(value) ? value.findIndex((item) => test(item, environment)) : -1;
    return Array.isArray(value) && index >= 0 ? value.slice(index, index + 1) : undefined;
  };
}

function place(parsed: Parsed, path: string, node: Node): void {
  const names = fieldPath(path);
  let children = parsed.root;
  names.slice(0, -1).forEach((name) => {
    const next = children.get(name) ?? { kind: 'tree', children: new Map<string, Node>() };
    if (next.kind !== 'tree') throw new MongoError(31249, `Path collision at ${path} remaining portion ${names.slice(1).join('.')}`);
    children.set(name, next);
    children = next.children;
  });
  const last = names.at(-1) ?? '';
  if (children.has(last)) throw new MongoError(31250, `Path collision at ${path}`);
  children.set(last, node);
}
