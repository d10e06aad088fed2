import { Int32 } from 'bson';
import { compare } from '../bson/compare';
import { keyText } from '../bson/key';
import { divide, isNumeric, type Numeric } from '../bson/numbers';
import { type Doc, integer, isDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { addNumbers } from '../expressions/arithmetic';

/** Collects one value per document of a group. */
export interface Accumulator {
  add(value: Maybe): void;
  result(): Value;
}

/** Values that `$push` or `$addToSet` may hold in one group. */
const MAX_VALUES = 1_000_000;

/** An accumulator that folds each value into a state. */
const folding =
  <S>(start: () => S, add: (state: S, value: Maybe) => S, result: (state: S) => Value) =>
  (): Accumulator => {
    let state = start();
    return {
      add: (value) => {
        state = add(state, value);
      },
      result: () => result(state),
    };
  };

const missing = (): Maybe => undefined;
const orNull = (value: Maybe): Value => value ?? null;

const extreme = (direction: 1 | -1) =>
  folding(
    missing,
    (best, value) => {
      if (value === undefined || value === null) return best;
      return best === undefined || compare(value, best) * direction > 0 ? value : best;
    },
    orNull,
  );

interface Total {
  sum: Numeric;
  count: number;
}

const addTotal = ({ sum, count }: Total, value: Maybe): Total =>
  isNumeric(value) ? { sum: addNumbers(sum, value), count: count + 1 } : { sum, count };

const noTotal = (): Total => ({ sum: new Int32(0), count: 0 });

function bounded<T extends { length: number } | { size: number }>(values: T, operator: string): T {
  const size = 'length' in values ? values.length : values.size;
  if (size > MAX_VALUES) throw new MongoError(146, `${operator} holds more than ${MAX_VALUES} values`);
  return values;
}

function pushValue(values: Value[], value: Maybe): Value[] {
  if (value !== undefined) values.push(value);
  return bounded(values, '$push');
}

function addDistinct(values: Map<string, Value>, value: Maybe): Map<string, Value> {
  if (value === undefined) return values;
  const key = keyText(value);
  if (!values.has(key)) values.set(key, value);
  return bounded(values, '$addToSet');
}

function mergeInto(merged: Doc, value: Maybe): Doc {
  if (value === undefined || value === null) return merged;
  if (!isDoc(value)) throw new MongoError(40400, `$mergeObjects requires object inputs, but input is of type ${typeName(value)}`);
  for (const [name, item] of value) merged.set(name, item);
  return merged;
}

export const ACCUMULATORS: Readonly<Record<string, () => Accumulator>> = {
  $sum: folding(noTotal, addTotal, ({ sum }) => sum),
  $avg: folding(noTotal, addTotal, ({ sum, count }) => (count === 0 ? null : divide(sum, new Int32(count)))),
  $min: extreme(-1),
  $max: extreme(1),
  $first: folding<{ value: Maybe; seen: boolean }>(
    () => ({ value: undefined, seen: false }),
    (state, value) => (state.seen ? state : { value, seen: true }),
    ({ value }) => orNull(value),
  ),
  $last: folding(missing, (_, value) => value, orNull),
  $push: folding((): Value[] => [], pushValue, (values) => values),
  $addToSet: folding(() => new Map<string, Value>(), addDistinct, (values) => [...values.values()]),
  $count: folding(() => 0, (count) => count + 1, integer),
  $mergeObjects: folding((): Doc => new Map(), mergeInto, (merged) => merged),
};
