import { Int32 } from 'bson';
import { compare } from '../bson/compare';
import { keyText } from '../bson/key';
import { divide, isNumeric, type Numeric } from '../bson/numbers';
import { type Doc, integer, isDoc, type Maybe, typeName, type Value } from '../bson/values';
import { MongoError } from '../errors';
import { addNumbers } from '../expressions/arithmetic';
import { OVERHEAD_BYTES, sizeOf } from './memory';

/** Collects one value per document of a group. */
export interface Accumulator {
  /** Answers by how many bytes, about, it grew. */
  add(value: Maybe): number;
  result(): Value;
}

/** An accumulator that folds each value into a state of few bytes. */
const folding =
  <S>(start: () => S, add: (state: S, value: Maybe) => S, result: (state: S) => Value) =>
  (): Accumulator => {
    let state = start();
    return {
      add: (value) => {
        state = add(state, value);
        return 0;
      },
      result: () => result(state),
    };
  };

/** An accumulator that holds one of the values; `null` stands for none. */
const holding = (choose: (held: Maybe, value: Maybe, count: number) => Maybe) => (): Accumulator => {
  let held: Maybe;
  let [bytes, count] = [0, 0];
  return {
    add: (value) => {
      const chosen = choose(held, value, count);
      count += 1;
      if (chosen === held) return 0;
      const before = bytes;
      held = chosen;
      bytes = sizeOf(held);
      return bytes - before;
    },
    result: () => held ?? null,
  };
};

const extreme = (direction: 1 | -1) =>
  holding((best, value) => {
    if (value === undefined || value === null) return best;
    return best === undefined || compare(value, best) * direction > 0 ? value : best;
  });

interface Total {
  sum: Numeric;
  count: number;
}

const addTotal = ({ sum, count }: Total, value: Maybe): Total =>
  isNumeric(value) ? { sum: addNumbers(sum, value), count: count + 1 } : { sum, count };

const noTotal = (): Total => ({ sum: new Int32(0), count: 0 });

function push(): Accumulator {
  const values: Value[] = [];
  return {
    add: (value) => {
      if (value === undefined) return 0;
      values.push(value);
      return sizeOf(value);
    },
    result: () => values,
  };
}

function addToSet(): Accumulator {
  const values = new Map<string, Value>();
  return {
    add: (value) => {
      const key = value === undefined ? '' : keyText(value);
      if (value === undefined || values.has(key)) return 0;
      values.set(key, value);
      return key.length + sizeOf(value) + OVERHEAD_BYTES;
    },
    result: () => [...values.values()],
  };
}

function mergeObjects(): Accumulator {
  const merged: Doc = new Map();
  return {
    add: (value) => {
      if (value === undefined || value === null) return 0;
      if (!isDoc(value)) throw new MongoError(40400, `$mergeObjects requires object inputs, but input is of type ${typeName(value)}`);
      let grown = 0;
      for (const [name, item] of value) {
        grown += sizeOf(item) - (merged.has(name) ? sizeOf(merged.get(name)) : -name.length);
        merged.set(name, item);
      }
      return grown;
    },
    result: () => merged,
  };
}

export const ACCUMULATORS: Readonly<Record<string, () => Accumulator>> = {
  $sum: folding(noTotal, addTotal, ({ sum }) => sum),
  $avg: folding(noTotal, addTotal, ({ sum, count }) => (count === 0 ? null : divide(sum, new Int32(count)))),
  $min: extreme(-1),
  $max: extreme(1),
  $first: holding((held, value, count) => (count === 0 ? value : held)),
  $last: holding((_, value) => value),
  $push: push,
  $addToSet: addToSet,
  $count: folding(() => 0, (count) => count + 1, integer),
  $mergeObjects: mergeObjects,
};
