import { Decimal128, Int32, Timestamp } from 'bson';
import { compare } from '../bson/compare';
import { add, isNumeric, multiply, type Numeric, toBigInt } from '../bson/numbers';
import { showValue } from '../bson/show';
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
  /** Whether a path that could not be made is no error. */
  lenient?: boolean;
}

const set = (operand: Value): Change => (target) => target.set(clone(operand));

/** The missing counts as `initial`, or as the operand itself. */
function arithmetic(name: '$inc' | '$mul', apply: (a: Numeric, b: Numeric) => Numeric | undefined, missing: (operand: Numeric) => Numeric) {
  return (operand: Value, path: string): Change => {
    if (!isNumeric(operand)) {
      throw typeMismatch(`Cannot ${name === '$inc' ? 'increment' : 'multiply'} with non-numeric argument: {${path}: ${showValue(operand)}}`);
    }
    return (target, { id }) => {
      const value = target.get();
      if (value === undefined) return target.set(missing(operand));
      if (!isNumeric(value)) {
        throw typeMismatch(
          `Cannot apply ${name} to a value of non-numeric type. ${showId(id)} has the field '${path.split('.').at(-1) ?? ''}' of non-numeric type ${typeName(value)}`,
        );
      }
      const result = apply(value, operand);
      if (result === undefined) throw new MongoError(2, `Failed to apply ${name} operations to current value (${showValue(value)}) for document ${showId(id)}`);
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
  const type = isDoc(operand) ? operand.get('$type') : typeof operand === 'boolean' ? 'date' : undefined;
  if (isDoc(operand)) for (const key of operand.keys()) if (key !== '$type') throw new MongoError(2, `Unrecognized $currentDate option: ${key}`);
  if (type === 'date') return (target, { environment }) => target.set(environment.now);
  if (type === 'timestamp') {
    return (target, { environment }) => target.set(new Timestamp({ t: Math.floor(environment.now.getTime() / 1000), i: 1 }));
  }
  throw new MongoError(2, `${path}: $currentDate takes true or { $type: 'date' | 'timestamp' }`);
}

const BIT_OPERATIONS: Record<string, (a: bigint, b: bigint) => bigint> = { and: (a, b) => a & b, or: (a, b) => a | b, xor: (a, b) => a ^ b };

const isWhole = (value: Maybe): value is Int32 | bigint => value instanceof Int32 || typeof value === 'bigint';

function bit(operand: Value): Change {
  if (!isDoc(operand)) throw new MongoError(2, `The $bit modifier is not compatible with a ${typeName(operand)}. You must pass in an embedded document: {$bit: {field: {and/or/xor: #}}`);
  if (operand.size === 0) throw new MongoError(2, 'You must pass in at least one bitwise operation. The format is: {$bit: {field: {and/or/xor: #}}');
  const steps = [...operand].map(([name, mask]) => {
    const operation = Object.hasOwn(BIT_OPERATIONS, name) ? BIT_OPERATIONS[name] : undefined;
    if (!operation) throw new MongoError(2, `The $bit modifier only supports 'and', 'or', and 'xor', not '${name}' which is an unknown operator: {${name}: ${showValue(mask)}}`);
    if (!isWhole(mask)) throw new MongoError(2, `The $bit modifier field must be an Integer(32/64 bit); a '${typeName(mask)}' is not supported here: {${name}: ${showValue(mask)}}`);
    return (value: Int32 | bigint): Int32 | bigint => {
      const result = operation(toBigInt(value), toBigInt(mask));
      return value instanceof Int32 && mask instanceof Int32 ? new Int32(Number(result)) : result;
    };
  });
  return (target, { id, path }) => {
    const value = target.get() ?? new Int32(0);
    if (!isWhole(value)) {
      throw new MongoError(2, `Cannot apply $bit to a value of non-integral type.${showId(id)} has the field ${path.split('.').at(-1) ?? ''} of non-integer type ${typeName(value)}`);
    }
    target.set(steps.reduce((current, step) => step(current), value));
  };
}

const showId = (id: Maybe): string => `{_id: ${showValue(id ?? null)}}`;

const unset = (): Change => (target) => target.unset();

const OPERATORS: Readonly<Record<string, UpdateOperator>> = {
  $set: { compile: set, creates: true },
  $setOnInsert: { compile: set, creates: true },
  $unset: { compile: unset, creates: false, lenient: true },
  $inc: { compile: arithmetic('$inc', add, (operand) => operand), creates: true },
  $mul: { compile: arithmetic('$mul', multiply, zeroLike), creates: true },
  $min: { compile: extreme(-1), creates: true },
  $max: { compile: extreme(1), creates: true },
  $bit: { compile: bit, creates: true },
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

/** The operator of this name; `$rename` and `$setOnInsert` have more to them where updates are compiled. */
export const updateOperator = (name: string): UpdateOperator | undefined => (Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined);

/** The fields of one operator, or an error that names the operator. */
export function operatorFields(name: string, operand: Value): Doc {
  if (name !== '$rename' && !updateOperator(name)) {
    throw failedToParse(`Unknown modifier: ${name}. Expected a valid update modifier or pipeline-style update specified as an array`);
  }
  if (!isDoc(operand)) {
    throw failedToParse(`Modifiers operate on fields but we found type ${typeName(operand)} instead. For example: {$mod: {<field>: ...}} not {${name}: ...}`);
  }
  return operand;
}
