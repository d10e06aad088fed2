import { Int32 } from 'bson';
import { compare, equal } from '../bson/compare';
import { keyText } from '../bson/key';
import { toInteger } from '../bson/numbers';
import { type Doc, integer, isDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { isTruthy } from '../query/operators';
import { compileSortKey, parseSort } from '../query/sort';
import { argumentsOf, binary, isNullish, namedArguments, strict, unary, withVariable } from './arguments';
import { type OperatorCompiler, registerOperators } from './expression';

const MANY = Number.MAX_SAFE_INTEGER;
const MAX_RANGE = 1_000_000;

export function array(value: Maybe, operator: string, code = 28689): Value[] {
  if (Array.isArray(value)) return value;
  throw new MongoError(code, `The argument to ${operator} must be an array, but was of type: ${typeName(value)}`);
}

function index(value: Maybe, operator: string): number {
  const number = toInteger(value);
  if (number === undefined) throw new MongoError(28690, `${operator}'s second argument must be a whole number, but is ${typeName(value)}`);
  return number;
}

function elementAt(list: Maybe, at: Maybe): Maybe {
  if (isNullish(list) || isNullish(at)) return null;
  return array(list, '$arrayElemAt').at(index(at, '$arrayElemAt'));
}

const end = (operator: string, at: number) => unary((list) => (isNullish(list) ? null : array(list, operator).at(at)));

function slice([list, first, second]: Maybe[]): Maybe {
  if (isNullish(list) || isNullish(first) || second === null) return null;
  const items = array(list, '$slice', 28724);
  const position = index(first, '$slice');
  if (second === undefined) return position < 0 ? items.slice(position) : items.slice(0, position);
  const count = index(second, '$slice');
  if (count <= 0) throw new MongoError(28729, `Third argument to $slice must be positive: ${count}`);
  const start = position < 0 ? Math.max(0, items.length + position) : position;
  return items.slice(start, start + count);
}

function concatArrays(values: Maybe[]): Maybe {
  if (values.some(isNullish)) return null;
  return values.flatMap((value) => array(value, '$concatArrays', 28664));
}

function range([first, last, by]: Maybe[]): Maybe {
  const [start, stop, step] = [index(first, '$range'), index(last, '$range'), by === undefined ? 1 : index(by, '$range')];
  if (step === 0) throw new MongoError(34449, '$range requires a non-zero step value');
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > MAX_RANGE) throw new MongoError(5439, `$range would make ${length} values, more than ${MAX_RANGE}`);
  return Array.from({ length }, (_, at) => new Int32(start + at * step));
}

const distinct = (items: Value[]): Value[] => [...new Map(items.map((item) => [keyText(item), item])).values()];

const sets = (operator: string, apply: (lists: Value[][]) => Maybe) =>
  strict(0, MANY, (values) => (values.some(isNullish) ? null : apply(values.map((value) => array(value, operator, 17043)))));

const keysOf = (items: Value[] = []): Set<string> => new Set(items.map(keyText));

const isSubset = (a: Set<string>, b: Set<string>): boolean => [...a].every((key) => b.has(key));
const isSameSet = (a: Set<string>, b: Set<string>): boolean => a.size === b.size && isSubset(a, b);

/** `$filter`, `$map`: an expression for each element, which a variable names. */
const compileFilter: OperatorCompiler = (operand, { compile, names }, operator) => {
  const fields = namedArguments(operand, operator, ['input', 'cond'], ['as', 'limit']);
  const name = variableName(fields);
  const input = compile(fields.get('input') ?? null);
  const test = compile(fields.get('cond') ?? null, new Set([...names, name]));
  const limit = fields.has('limit') ? compile(fields.get('limit') ?? null) : undefined;
  return (root, environment) => {
    const list = input(root, environment);
    if (isNullish(list)) return null;
    const most = toInteger(limit?.(root, environment)) ?? Infinity;
    const kept = array(list, operator, 28651).filter((item) => isTruthy(test(root, withVariable(environment, name, item))));
    return kept.slice(0, most);
  };
};

function variableName(fields: Doc): string {
  const name = fields.get('as') ?? 'this';
  if (typeof name === 'string' && /^[a-z]\w*$/.test(name)) return name;
  throw new MongoError(16867, `'${String(name)}' starts with an invalid character for a user variable name`);
}

const compileMap: OperatorCompiler = (operand, { compile, names }, operator) => {
  const fields = namedArguments(operand, operator, ['input', 'in'], ['as']);
  const name = variableName(fields);
  const input = compile(fields.get('input') ?? null);
  const body = compile(fields.get('in') ?? null, new Set([...names, name]));
  return (root, environment) => {
    const list = input(root, environment);
    if (isNullish(list)) return null;
    return array(list, operator, 16883).map((item) => body(root, withVariable(environment, name, item)) ?? null);
  };
};

const compileReduce: OperatorCompiler = (operand, { compile, names }, operator) => {
  const fields = namedArguments(operand, operator, ['input', 'initialValue', 'in']);
  const input = compile(fields.get('input') ?? null);
  const initial = compile(fields.get('initialValue') ?? null);
  const body = compile(fields.get('in') ?? null, new Set([...names, 'this', 'value']));
  return (root, environment) => {
    const list = input(root, environment);
    if (isNullish(list)) return null;
    return array(list, operator, 40080).reduce<Maybe>(
      (value, item) => body(root, withVariable(withVariable(environment, 'this', item), 'value', value)),
      initial(root, environment),
    );
  };
};

const compileSortArray: OperatorCompiler = (operand, { compile }, operator) => {
  const fields = namedArguments(operand, operator, ['input', 'sortBy']);
  const input = compile(fields.get('input') ?? null);
  const by = fields.get('sortBy') ?? null;
  const direction = toInteger(by);
  if (!isDoc(by) && direction !== 1 && direction !== -1) throw new MongoError(2942507, 'The $sortArray sortBy must be 1, -1 or an object');
  const keyOf = isDoc(by) ? compileSortKey(parseSort(by)) : undefined;
  const key = (item: Value): Buffer => keyOf?.(isDoc(item) ? item : new Map()) ?? Buffer.alloc(0);
  return (root, environment) => {
    const list = input(root, environment);
    if (isNullish(list)) return null;
    return [...array(list, operator, 2942504)].sort((a, b) => (keyOf ? Buffer.compare(key(a), key(b)) : compare(a, b) * (direction ?? 1)));
  };
};

const compileIsArray: OperatorCompiler = (operand, context, name) => {
  const [value] = argumentsOf(operand, context, name, 1);
  return (root, environment) => Array.isArray(value?.(root, environment));
};

function contains(value: Maybe, list: Maybe): Maybe {
  return array(list, '$in', 40081).some((item) => equal(item, value));
}

function indexOf([list, wanted]: Maybe[]): Maybe {
  return isNullish(list) ? null : integer(array(list, '$indexOfArray', 40090).findIndex((item) => equal(item, wanted)));
}

registerOperators({
  $arrayElemAt: binary(elementAt),
  $first: end('$first', 0),
  $last: end('$last', -1),
  $size: unary((list) => integer(array(list, '$size', 17124).length)),
  $in: binary(contains),
  $indexOfArray: strict(2, 2, indexOf),
  $isArray: compileIsArray,
  $slice: strict(2, 3, slice),
  $concatArrays: strict(0, MANY, concatArrays),
  $reverseArray: unary((list) => (isNullish(list) ? null : [...array(list, '$reverseArray', 34435)].reverse())),
  $range: strict(2, 3, range),
  $filter: compileFilter,
  $map: compileMap,
  $reduce: compileReduce,
  $sortArray: compileSortArray,
  $setUnion: sets('$setUnion', (lists) => distinct(lists.flat())),
  $setIntersection: sets('$setIntersection', ([first = [], ...others]) => {
    const keys = others.map(keysOf);
    return distinct(first).filter((item) => keys.every((other) => other.has(keyText(item))));
  }),
  $setDifference: sets('$setDifference', ([first = [], second]) => {
    const gone = keysOf(second);
    return distinct(first).filter((item) => !gone.has(keyText(item)));
  }),
  $setIsSubset: sets('$setIsSubset', ([first, second]) => isSubset(keysOf(first), keysOf(second))),
  $setEquals: sets('$setEquals', ([first, ...others]) => others.every((other) => isSameSet(keysOf(first), keysOf(other)))),
  $anyElementTrue: unary((list) => array(list, '$anyElementTrue', 17041).some(isTruthy)),
  $allElementsTrue: unary((list) => array(list, '$allElementsTrue', 17040).every(isTruthy)),
});
