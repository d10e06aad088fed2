import { Int32 } from 'bson';
import { compare, equal } from '../bson/compare';
import { keyText } from '../bson/key';
import { isNumeric, toInteger } from '../bson/numbers';
import { showValue } from '../bson/show';
import { integer, isDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { isTruthy } from '../query/operators';
import { compileSortKey, parseSort } from '../query/sort';
import { argumentsOf, binary, isNullish, namedArguments, strict, unary, variableName, withVariable } from './arguments';
import { type OperatorCompiler, registerOperators } from './expression';

const MANY = Number.MAX_SAFE_INTEGER;
/** What one array may take; a number counts with 16 bytes. */
const MAX_RANGE_BYTES = 100 * 1024 * 1024;
const NUMBER_BYTES = 16;

export function array(value: Maybe, operator: string, code = 28689): Value[] {
  if (Array.isArray(value)) return value;
  throw new MongoError(code, `The argument to ${operator} must be an array, but was of type: ${typeName(value)}`);
}

/** A whole number; `codes` are for another type, and for a fraction. */
function index(value: Maybe, operator: string, codes: readonly [number, number]): number {
  if (!isNumeric(value)) throw new MongoError(codes[0], `${operator}'s argument must be a numeric value, but is ${typeName(value)}`);
  const number = toInteger(value);
  if (number === undefined) throw new MongoError(codes[1], `${operator}'s argument must be representable as a 32-bit integer: ${showValue(value)}`);
  return number;
}

function elementAt(list: Maybe, at: Maybe): Maybe {
  if (isNullish(list) || isNullish(at)) return null;
  return array(list, '$arrayElemAt').at(index(at, '$arrayElemAt', [28690, 28691]));
}

const end = (operator: string, at: number) => unary((list) => (isNullish(list) ? null : array(list, operator).at(at)));

function slice([list, first, second]: Maybe[]): Maybe {
  if (isNullish(list) || isNullish(first) || second === null) return null;
  const items = array(list, '$slice', 28724);
  const position = index(first, '$slice', [28725, 28726]);
  if (second === undefined) return position < 0 ? items.slice(position) : items.slice(0, position);
  const count = index(second, '$slice', [28727, 28728]);
  if (count <= 0) throw new MongoError(28729, `Third argument to $slice must be positive: ${count}`);
  const start = position < 0 ? Math.max(0, items.length + position) : position;
  return items.slice(start, start + count);
}

function concatArrays(values: Maybe[]): Maybe {
  if (values.some(isNullish)) return null;
  return values.flatMap((value) => array(value, '$concatArrays', 28664));
}

function range([first, last, by]: Maybe[]): Maybe {
  const [start, stop, step] = [
    index(first, '$range', [34443, 34444]),
    index(last, '$range', [34445, 34446]),
    by === undefined ? 1 : index(by, '$range', [34447, 34448]),
  ];
  if (step === 0) throw new MongoError(34449, '$range requires a non-zero step value');
  const length = Math.max(0, Math.ceil((stop - start) / step));
  const bytes = length * NUMBER_BYTES;
  if (bytes >= MAX_RANGE_BYTES) throw new MongoError(146, `$range would use too much memory (${bytes} bytes) and cannot spill to disk. Memory limit: ${MAX_RANGE_BYTES} bytes`);
  return Array.from({ length }, (_, at) => new Int32(start + at * step));
}

const distinct = (items: Value[]): Value[] => [...new Map(items.map((item) => [keyText(item), item])).values()];

/** `codes` are for an argument that is no array: for the first one and the second one, or for all. */
const sets = (operator: string, codes: number[], count: number | undefined, apply: (lists: Value[][]) => Maybe) =>
  strict(count ?? 0, count ?? MANY, (values) => {
    if (values.some(isNullish)) return null;
    return apply(values.map((value, at) => array(value, operator, codes[at] ?? codes[0])));
  });

/** The sets that are compared must be there. */
const comparedSets = (operator: string, codes: number[], most: number, apply: (lists: Value[][]) => boolean) =>
  strict(0, most, (values) => {
    if (values.length < 2) throw new MongoError(17045, `${operator} needs at least two arguments had: ${values.length}`);
    return apply(values.map((value, at) => array(value, operator, codes[at] ?? codes[0])));
  });

const keysOf = (items: Value[] = []): Set<string> => new Set(items.map(keyText));

const isSubset = (a: Set<string>, b: Set<string>): boolean => [...a].every((key) => b.has(key));
const isSameSet = (a: Set<string>, b: Set<string>): boolean => a.size === b.size && isSubset(a, b);

/** `$filter`, `$map`: an expression for each element, which a variable names. */
const compileFilter: OperatorCompiler = (operand, { compile, names }, operator) => {
  const fields = namedArguments(operand, operator, ['input', 'cond'], ['as', 'limit']);
  const name = variableName(fields.get('as') ?? 'this');
  const input = compile(fields.get('input') ?? null);
  const test = compile(fields.get('cond') ?? null, new Set([...names, name]));
  const limit = fields.has('limit') ? compile(fields.get('limit') ?? null) : undefined;
  return (root, environment) => {
    const list = input(root, environment);
    if (isNullish(list)) return null;
    const most = limit ? positiveLimit(limit(root, environment)) : Infinity;
    const kept = array(list, operator, 28651).filter((item) => isTruthy(test(root, withVariable(environment, name, item))));
    return kept.slice(0, most);
  };
};

function positiveLimit(value: Maybe): number {
  if (isNullish(value)) return Infinity;
  const number = toInteger(value);
  if (number === undefined) throw new MongoError(327391, '$filter: limit must be represented as a 32-bit integral value');
  if (number < 1) throw new MongoError(327392, '$filter: limit must be greater than 0');
  return number;
}

const compileMap: OperatorCompiler = (operand, { compile, names }, operator) => {
  const fields = namedArguments(operand, operator, ['input', 'in'], ['as']);
  const name = variableName(fields.get('as') ?? 'this');
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

function indexOf([list, wanted, start, end]: Maybe[]): Maybe {
  if (isNullish(list)) return null;
  const items = array(list, '$indexOfArray', 40090);
  const from = start === undefined ? 0 : place(start, '$indexOfArray');
  const to = end === undefined ? items.length : place(end, '$indexOfArray');
  return integer(items.findIndex((item, at) => at >= from && at < to && equal(item, wanted)));
}

/** Where a search begins or ends. */
export function place(value: Maybe, operator: string): number {
  const at = toInteger(value);
  if (at === undefined) throw new MongoError(40096, `${operator} requires an integral starting and ending index, found a value of type: ${typeName(value)}`);
  if (at < 0) throw new MongoError(40097, `${operator} requires a nonnegative starting and ending index, found: ${at}`);
  return at;
}

registerOperators({
  $arrayElemAt: binary(elementAt),
  $first: end('$first', 0),
  $last: end('$last', -1),
  $size: unary((list) => integer(array(list, '$size', 17124).length)),
  $in: binary(contains),
  $indexOfArray: strict(2, 4, indexOf),
  $isArray: compileIsArray,
  $slice: strict(2, 3, slice),
  $concatArrays: strict(0, MANY, concatArrays),
  $reverseArray: unary((list) => (isNullish(list) ? null : [...array(list, '$reverseArray', 34435)].reverse())),
  $range: strict(2, 3, range),
  $filter: compileFilter,
  $map: compileMap,
  $reduce: compileReduce,
  $sortArray: compileSortArray,
  $setUnion: sets('$setUnion', [17043], undefined, (lists) => distinct(lists.flat())),
  $setIntersection: sets('$setIntersection', [17047], undefined, ([first = [], ...others]) => {
    const keys = others.map(keysOf);
    return distinct(first).filter((item) => keys.every((other) => other.has(keyText(item))));
  }),
  $setDifference: sets('$setDifference', [17048, 17049], 2, ([first = [], second]) => {
    const gone = keysOf(second);
    return distinct(first).filter((item) => !gone.has(keyText(item)));
  }),
  $setIsSubset: comparedSets('$setIsSubset', [17046, 17042], 2, ([first, second]) => isSubset(keysOf(first), keysOf(second))),
  $setEquals: comparedSets('$setEquals', [17044], MANY, ([first, ...others]) => others.every((other) => isSameSet(keysOf(first), keysOf(other)))),
  $anyElementTrue: unary((list) => array(list, '$anyElementTrue', 17041).some(isTruthy)),
  $allElementsTrue: unary((list) => array(list, '$allElementsTrue', 17040).every(isTruthy)),
});
