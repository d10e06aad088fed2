import { type Doc, doc, isDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { isNullish, namedArguments, strict, unary } from './arguments';
import { array } from './arrays';
import { type OperatorCompiler, registerOperators } from './expression';

function mergeObjects(values: Maybe[]): Maybe {
  const [only] = values;
  const merged: Doc = new Map();
  for (const value of values.length === 1 && Array.isArray(only) ? only : values) {
    if (isNullish(value)) continue;
    if (!isDoc(value)) throw new MongoError(40400, `$mergeObjects requires object inputs, but input is of type ${typeName(value)}`);
    for (const [name, item] of value) merged.set(name, item);
  }
  return merged;
}

function objectToArray(value: Maybe): Maybe {
  if (isNullish(value)) return null;
  if (!isDoc(value)) throw new MongoError(40390, `$objectToArray requires a document input, found: ${typeName(value)}`);
  return [...value].map(([k, v]) => doc({ k, v }));
}

function arrayToObject(value: Maybe): Maybe {
  if (isNullish(value)) return null;
  const result: Doc = new Map();
  for (const item of array(value, '$arrayToObject', 40386)) {
    const [name, field] = pairOf(item);
    result.set(name, field);
  }
  return result;
}

/** `[key, value]` or `{ k: key, v: value }`. */
function pairOf(item: Value): [string, Value] {
  if (Array.isArray(item)) {
    const [name, field] = item;
    if (field === undefined || item.length !== 2) throw new MongoError(40397, `$arrayToObject requires an array of size 2 arrays,found array of size: ${item.length}`);
    if (typeof name !== 'string') throw new MongoError(40395, `$arrayToObject requires an array of key-value pairs, where the key must be of type string. Found key type: ${typeName(name)}`);
    return [name, field];
  }
  if (!isDoc(item)) throw new MongoError(40398, `Unrecognised input type format for $arrayToObject: ${typeName(item)}`);
  const [name, field] = [item.get('k'), item.get('v')];
  if (item.size !== 2) throw new MongoError(40392, '$arrayToObject requires an object keys of \'k\' and \'v\'. Found incorrect number of keys:' + String(item.size));
  if (name === undefined || field === undefined) throw new MongoError(40393, "$arrayToObject requires an object with keys 'k' and 'v'.");
  if (typeof name !== 'string') throw new MongoError(40394, `$arrayToObject requires an object with keys 'k' and 'v', where the value of 'k' must be of type string. Found type: ${typeName(name)}`);
  return [name, field];
}

const compileGetField: OperatorCompiler = (operand, { compile }, operator) => {
  const fields = isDoc(operand) && operand.has('field') ? namedArguments(operand, operator, ['field'], ['input']) : doc({ field: operand });
  const name = compile(fields.get('field') ?? null);
  const input = fields.has('input') ? compile(fields.get('input') ?? null) : undefined;
  return (root, environment) => {
    const field = name(root, environment);
    if (typeof field !== 'string') throw new MongoError(5654602, `$getField requires 'field' to evaluate to type String, but got ${typeName(field)}`);
    const source = input ? input(root, environment) : root;
    return isDoc(source) ? source.get(field) : isNullish(source) ? source : undefined;
  };
};

/** The name of a field must be known when the expression is compiled. */
function fieldName(value: Value, operator: string): string {
  const literal = isDoc(value) && value.size === 1 ? value.get('$literal') : value;
  const isReference = literal === value && typeof value === 'string' && value.startsWith('$');
  if (typeof literal === 'string' && !isReference) return literal;
  throw new MongoError(4161106, `${operator} requires 'field' to evaluate to a constant string`);
}

const setField = (unset: boolean): OperatorCompiler => (operand, { compile }, operator) => {
  const fields = namedArguments(operand, operator, unset ? ['field', 'input'] : ['field', 'input', 'value']);
  const name = fieldName(fields.get('field') ?? null, operator);
  const input = compile(fields.get('input') ?? null);
  const value = unset ? () => undefined : compile(fields.get('value') ?? null);
  return (root, environment) => {
    const source = input(root, environment);
    if (isNullish(source)) return null;
    if (!isDoc(source)) throw new MongoError(4161105, `${operator} requires 'input' to evaluate to type Object, but got ${typeName(source)}`);
    const result: Doc = new Map(source);
    const item = value(root, environment);
    if (item === undefined) result.delete(name);
    else result.set(name, item);
    return result;
  };
};

registerOperators({
  $mergeObjects: strict(0, Number.MAX_SAFE_INTEGER, mergeObjects),
  $objectToArray: unary(objectToArray),
  $arrayToObject: unary(arrayToObject),
  $getField: compileGetField,
  $setField: setField(false),
  $unsetField: setField(true),
});
