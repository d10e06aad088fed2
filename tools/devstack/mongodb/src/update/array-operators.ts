import { compare, equal } from '../bson/compare';
import { isNumeric, toInteger } from '../bson/numbers';
import { showValue } from '../bson/show';
import { clone, type Doc, isDoc, isOperatorDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { compileElement, compileField } from '../query/matcher';
import { compileSortKey, parseSort } from '../query/sort';
import { BSONRegExp } from 'bson';
import type { Change, UpdateContext } from './operators';

/** The array at a place, to be changed in a copy; a missing one is `undefined`. */
function arrayAt(value: Maybe, operator: string, { path, id }: UpdateContext): Value[] | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return [...value];
  if (operator === '$push') {
    throw new MongoError(2, `The field '${path}' must be an array but is of type ${typeName(value)} in document {_id: ${showValue(id ?? null)}}`);
  }
  if (operator === '$addToSet') {
    throw new MongoError(2, `Cannot apply $addToSet to non-array field. Field named '${path.split('.').at(-1) ?? ''}' has non-array type ${typeName(value)}`);
  }
  if (operator === '$pop') throw new MongoError(14, `Path '${path}' contains an element of non-array type '${typeName(value)}'`);
  throw new MongoError(2, `Cannot apply ${operator} to a non-array value`);
}

const EACH_OPTIONS = new Set(['$each', '$slice', '$sort', '$position']);

export function push(operand: Value): Change {
  const each = isDoc(operand) && operand.has('$each') ? operand : undefined;
  if (each) for (const key of each.keys()) if (!EACH_OPTIONS.has(key)) throw new MongoError(2, `Unrecognized clause in $push: ${key}`);
  const items = each ? eachItems(each, '$push') : [operand];
  const position = integerOption(each, '$position');
  const slice = integerOption(each, '$slice');
  const sort = each?.get('$sort');
  const order = sort === undefined ? undefined : sorter(sort);
  return (target, context) => {
    const array = arrayAt(target.get(), '$push', context) ?? [];
    array.splice(position ?? array.length, 0, ...items.map((item) => clone(item)));
    if (order) array.sort(order);
    target.set(slice === undefined ? array : slice < 0 ? array.slice(slice) : array.slice(0, slice));
  };
}

function eachItems(operand: Doc, operator: string): Value[] {
  const items = operand.get('$each');
  if (!Array.isArray(items)) {
    const [code, colon] = operator === '$push' ? [2, ':'] : [14, ''];
    throw new MongoError(code, `The argument to $each in ${operator} must be an array but it was of type${colon} ${typeName(items)}`);
  }
  return items;
}

function integerOption(operand: Doc | undefined, name: string): number | undefined {
  const value = operand?.get(name);
  if (value === undefined) return undefined;
  const number = toInteger(value);
  if (number === undefined) throw new MongoError(2, `The value for ${name} must be an integer value${name === '$slice' ? ' but was given type:' : ', not of type:'} ${typeName(value)}`);
  return number;
}

function sorter(sort: Value): (a: Value, b: Value) => number {
  if (isDoc(sort)) {
    if (sort.size === 0) throw new MongoError(2, 'The $sort pattern is empty when it should be a set of fields.');
    for (const [field, order] of sort) {
      if (Math.abs(toInteger(order) ?? 0) !== 1) throw new MongoError(2, 'The $sort element value must be either 1 or -1');
      if (field.split('.').includes('')) throw new MongoError(2, `The $sort field is a dotted field but has an empty part: ${field}`);
    }
    const key = compileSortKey(parseSort(sort));
    const keyOf = (item: Value) => key(isDoc(item) ? item : new Map());
    return (a, b) => Buffer.compare(keyOf(a), keyOf(b));
  }
  if (!isNumeric(sort)) throw new MongoError(2, 'The $sort is invalid: use 1/-1 to sort the whole element, or {field:1/-1} to sort embedded fields');
  const direction = toInteger(sort);
  if (direction !== 1 && direction !== -1) throw new MongoError(2, 'The $sort element value must be either 1 or -1');
  return (a, b) => compare(a, b) * direction;
}

export function addToSet(operand: Value): Change {
  const each = isDoc(operand) && [...operand.keys()][0] === '$each' ? operand : undefined;
  if (each && each.size > 1) throw new MongoError(2, `Found unexpected fields after $each in $addToSet: ${[...each.keys()].slice(1).join(', ')}`);
  const items = each ? eachItems(each, '$addToSet') : [operand];
  return (target, context) => {
    const array = arrayAt(target.get(), '$addToSet', context) ?? [];
    for (const item of items) if (!array.some((other) => equal(other, item))) array.push(clone(item));
    target.set(array);
  };
}

export function pop(operand: Value, path: string): Change {
  if (!isNumeric(operand)) throw new MongoError(9, `Expected a number in: ${path}: ${showValue(operand)}`);
  const end = toInteger(operand);
  if (end !== 1 && end !== -1) throw new MongoError(9, `$pop expects 1 or -1, found: ${showValue(operand)}`);
  return (target, context) => {
    const array = arrayAt(target.get(), '$pop', context);
    if (array) target.set(end === 1 ? array.slice(0, -1) : array.slice(1));
  };
}

export function pull(operand: Value): Change {
  const test = pullTest(operand);
  return (target, context) => {
    const array = arrayAt(target.get(), '$pull', context);
    if (array?.some((item) => test(item, context))) target.set(array.filter((item) => !test(item, context)));
  };
}

function pullTest(operand: Value): (item: Value, context: UpdateContext) => boolean {
  if (operand instanceof BSONRegExp || isOperatorDoc(operand)) {
    const condition = compileField(operand, new Set());
    return (item, { environment }) => condition.onValue(item, { environment });
  }
  if (!isDoc(operand)) return (item) => equal(item, operand);
  const matches = compileElement(operand, new Set());
  return (item, { environment }) => isDoc(item) && matches(item, environment);
}

export function pullAll(operand: Value): Change {
  if (!Array.isArray(operand)) throw new MongoError(2, `$pullAll requires an array argument but was given a ${typeName(operand)}`);
  return (target, context) => {
    const array = arrayAt(target.get(), '$pullAll', context);
    if (array) target.set(array.filter((item) => !operand.some((other) => equal(item, other))));
  };
}
