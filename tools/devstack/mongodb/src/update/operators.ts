import { Decimal128, Int32, Timestamp } from 'bson';
import { compare } from '../bson/compare';
import { add, isNumeric, multiply, type Numeric } from '../bson/numbers';
import { clone, type Doc, isDoc, type Maybe, typeName, type Value } from '../bson/values';
import { failedToParse, MongoError, typeMismatch } from '../errors';
import type { Environment } from '../expressions/expression';
import { addToSet, pop, pull, pullAll, push } from './array-operators';
import type { Target } from './targets';

export interface UpdateContext {
  environment: Environment;
  /** The document's `_id`, for messages. */
  id: Maybe;
  path: string;
}

/** Changes one place. */
export type Change = (target: Target, context: UpdateContext) => void;

export interface UpdateOperator {
  compile(operand: Value, path: string): Change;
  /** Whether the operator makes a field that is not there. */
  creates: boolean;
}

const set = (operand: Value): Change => (target) => target.set(clone(operand));

/** The missing counts as `initial`, or as the operand itself. */
function arithmetic(name: '$inc' | '$mul', apply: (a: Numeric, b: Numeric) => Numeric | undefined, missing: (operand: Numeric) => Numeric) {
  return (operand: Value, path: string): Change => {
    if (!isNumeric(operand)) {
      throw typeMismatch(`Cannot ${name === '$inc' ? 'increment' : 'multiply'} with non-numeric argument: {${path}: ${typeName(operand)}}`);
    }
    return (target, { id }) => {
      const value = target.get();
      if (value === undefined) return target.set(missing(operand));
      if (!isNumeric(value)) {
        throw typeMismatch(
          `Cannot apply ${name} to a value of non-numeric type. {_id: ${String(id)}} has the field '${path.split('.').at(-1) ?? ''}' of non-numeric type ${typeName(value)}`,
        );
      }
      const result = apply(value, operand);
      if (result === undefined) throw new MongoError(2, `Failed to apply ${name} operations to current value (${String(value)}) for document {_id: ${String(id)}}`);
      target.set(result);
    };
  };
}

const extreme =
  (direction: 1 | -1) =>
  (operand: Value): Change =>
  (target) => {
    const value = target.get();
    if (value === undefined || compare(operand, value) * direction > 0) target.set(clone(operand));
  };

function currentDate(operand: Value, path: string): Change {
  const type = isDoc(operand) ? operand.get('$type') : operand === true ? 'date' : undefined;
  if (isDoc(operand)) for (const key of operand.keys()) if (key !== '$type') throw new MongoError(2, `Unrecognized $currentDate option: ${key}`);
  if (type === 'date') return (target, { environment }) => target.set(environment.now);
  if (type === 'timestamp') {
    return (target, { environment }) => target.set(new Timestamp({ t: Math.floor(environment.now.getTime() / 1000), i: 1 }));
  }
  throw new MongoError(2, `${path}: $currentDate takes true or { $type: 'date' | 'timestamp' }`);
}

const unset = (): Change => (target) => target.unset();

/** `$rename` and `$setOnInsert` are handled where updates are compiled. */
export const UPDATE_OPERATORS: Readonly<Record<string, UpdateOperator>> = {
  $set: { compile: set, creates: true },
  $setOnInsert: { compile: set, creates: true },
  $unset: { compile: unset, creates: false },
  $inc: { compile: arithmetic('$inc', add, (operand) => operand), creates: true },
  $mul: { compile: arithmetic('$mul', multiply, zeroLike), creates: true },
  $min: { compile: extreme(-1), creates: true },
  $max: { compile: extreme(1), creates: true },
  $currentDate: { compile: currentDate, creates: true },
  $push: { compile: push, creates: true },
  $addToSet: { compile: addToSet, creates: true },
  $pop: { compile: pop, creates: false },
  $pull: { compile: pull, creates: false },
  $pullAll: { compile: pullAll, creates: false },
};

/** What `$mul` makes of a missing field: a zero of the operand's type. */
function zeroLike(operand: Numeric): Numeric {
  if (typeof operand === 'number') return 0;
  if (typeof operand === 'bigint') return 0n;
  return operand instanceof Decimal128 ? Decimal128.fromString('0') : new Int32(0);
}

/** The fields of one operator, or an error that names the operator. */
export function operatorFields(name: string, operand: Value): Doc {
  if (!isDoc(operand)) {
    throw failedToParse(`Modifiers operate on fields but we found type ${typeName(operand)} instead. For example: {$mod: {<field>: ...}} not {${name}: ...}`);
  }
  return operand;
}
