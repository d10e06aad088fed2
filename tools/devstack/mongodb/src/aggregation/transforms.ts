import { type Doc, isDoc, isOperatorDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { compileExpression, type Environment, type Expression } from '../expressions/expression';
import { fieldPath } from '../query/paths';
import { compileProjection } from '../query/projection';

/** A stage that makes one document out of one document. */
export type Transform = (document: Doc, environment: Environment) => Doc;
type TransformCompiler = (operand: Value, names: ReadonlySet<string>) => Transform;

interface FieldTree {
  children: Map<string, FieldTree | Expression>;
}

const addFields = (stage: string): TransformCompiler => (operand, names) => {
  if (!isDoc(operand)) throw new MongoError(40272, `${stage} specification stage must be an object, got ${typeName(operand)}`);
  const tree: FieldTree = { children: new Map() };
  for (const [path, value] of operand) addToTree(tree, path, value, names);
  return (document, environment) => applyTree(document, tree, document, environment);
};

function addToTree(tree: FieldTree, path: string, value: Value, names: ReadonlySet<string>): void {
  const parts = fieldPath(path);
  if (isDoc(value) && value.size > 0 && !isOperatorDoc(value)) {
    for (const [name, item] of value) addToTree(tree, `${path}.${name}`, item, names);
    return;
  }
  let node = tree;
  for (const part of parts.slice(0, -1)) {
    const next = node.children.get(part) ?? { children: new Map<string, FieldTree | Expression>() };
    if (typeof next === 'function') throw new MongoError(31249, `Path collision at ${path} remaining portion ${parts.slice(1).join('.')}`);
    node.children.set(part, next);
    node = next;
  }
  const last = parts.at(-1) ?? '';
  if (node.children.has(last)) throw new MongoError(31250, `Path collision at ${path}`);
  node.children.set(last, compileExpression(value, names));
}

function applyTree(document: Doc, tree: FieldTree, root: Doc, environment: Environment): Doc {
  const result: Doc = new Map(document);
  for (const [name, node] of tree.children) {
    const value = typeof node === 'function' ? node(root, environment) : applyInside(result.get(name), node, root, environment);
    if (value === undefined) result.delete(name);
    else result.set(name, value);
  }
  return result;
}

function applyInside(value: Maybe, tree: FieldTree, root: Doc, environment: Environment): Value {
  if (Array.isArray(value)) return value.map((item) => applyInside(item, tree, root, environment));
  return applyTree(isDoc(value) ? value : new Map(), tree, root, environment);
}

const unset: TransformCompiler = (operand) => {
  if (typeof operand !== 'string' && !Array.isArray(operand)) throw new MongoError(31002, '$unset specification must be a string or an array');
  const paths = Array.isArray(operand) ? operand : [operand];
  if (paths.length === 0) throw new MongoError(31119, '$unset specification must be a string or an array with at least one field');
  const spec: Doc = new Map();
  for (const path of paths) {
    if (typeof path !== 'string') throw new MongoError(31120, '$unset specification must be a string or an array containing only string values');
    spec.set(path, false);
  }
  const projection = compileProjection(spec, false);
  return (document, environment) => projection(document, { environment });
};

const project: TransformCompiler = (operand, names) => {
  if (!isDoc(operand)) throw new MongoError(15969, '$project specification must be an object');
  if (operand.size === 0) throw new MongoError(51272, 'Invalid $project :: caused by :: projection specification must have at least one field');
  const projection = compileProjection(operand, false, names);
  return (document, environment) => projection(document, { environment });
};

const replaceWith: TransformCompiler = (operand, names) => {
  const expression = compileExpression(operand, names);
  return (document, environment) => {
    const value = expression(document, environment);
    if (isDoc(value)) return value;
    throw new MongoError(40228, `'newRoot' expression must evaluate to an object, but resulting value was of type ${typeName(value)}`);
  };
};

const replaceRoot: TransformCompiler = (operand, names) => {
  if (!isDoc(operand)) throw new MongoError(40229, '$replaceRoot needs an object with newRoot');
  for (const key of operand.keys()) if (key !== 'newRoot') throw new MongoError(40415, `BSON field '$replaceRoot.${key}' is an unknown field.`);
  const root = operand.get('newRoot');
  if (root === undefined) throw new MongoError(40414, "BSON field '$replaceRoot.newRoot' is missing but a required field");
  return replaceWith(root, names);
};

export const TRANSFORMS: Readonly<Record<string, TransformCompiler>> = {
  $addFields: addFields('$addFields'),
  $set: addFields('$set'),
  $unset: unset,
  $project: project,
  $replaceRoot: replaceRoot,
  $replaceWith: replaceWith,
};
