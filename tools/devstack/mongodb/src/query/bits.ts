import { Binary } from 'bson';
import { compareNumbers, isNumeric, toInteger, truncate } from '../bson/numbers';
import { showValue } from '../bson/show';
import { type Maybe, type Value } from '../bson/values';
import { badValue, failedToParse } from '../errors';
import { anyOf, type Condition } from './condition';

type BitTest = '$bitsAllSet' | '$bitsAllClear' | '$bitsAnySet' | '$bitsAnyClear';

const MAX_POSITION = 2 ** 31 - 1;
const SIGN_BIT = 63;

type Bits = (position: number) => boolean;

const ACCEPTS: Record<BitTest, (positions: number[], isSet: Bits) => boolean> = {
  $bitsAllSet: (positions, isSet) => positions.every(isSet),
  $bitsAllClear: (positions, isSet) => !positions.some(isSet),
  $bitsAnySet: (positions, isSet) => positions.some(isSet),
  $bitsAnyClear: (positions, isSet) => !positions.every(isSet),
};

export const isBitTest = (operator: string): operator is BitTest => Object.hasOwn(ACCEPTS, operator);

/** Tests the bits of whole numbers and binaries; the positions come as a list, a mask or a binary. */
export function bitTest(operator: BitTest, operand: Value): Condition {
  const positions = positionsOf(operator, operand);
  return anyOf((value) => {
    const isSet = bitsOf(value);
    return isSet !== undefined && ACCEPTS[operator](positions, isSet);
  });
}

/** A negative number has all bits set beyond its own; a number with a fraction, or beyond an int64, has none. */
function bitsOf(value: Maybe): Bits | undefined {
  if (value instanceof Binary) {
    const bytes = value.value();
    return (position) => (((bytes[position >> 3] ?? 0) >> (position & 7)) & 1) === 1;
  }
  const whole = isNumeric(value) ? truncate(value) : undefined;
  if (whole === undefined || showsFraction(value, whole)) return undefined;
  return (position) => ((whole >> BigInt(Math.min(position, SIGN_BIT))) & 1n) === 1n;
}

const showsFraction = (value: Maybe, whole: bigint): boolean => isNumeric(value) && compareNumbers(value, whole) !== 0;

function positionsOf(operator: string, operand: Value): number[] {
  if (Array.isArray(operand)) return operand.map((item, index) => position(item, index));
  if (operand instanceof Binary) {
    const isSet = bitsOf(operand);
    return Array.from({ length: operand.length() * 8 }, (_, at) => at).filter((at) => isSet?.(at));
  }
  if (!isNumeric(operand)) {
    throw badValue(`value takes an Array, a number, or a BinData but received: ${operator}: ${showValue(operand)}`);
  }
  const mask = truncate(operand);
  if (mask === undefined || showsFraction(operand, mask)) throw failedToParse(`Expected an integer: ${operator}: ${showValue(operand)}`);
  if (mask < 0n) throw failedToParse(`Expected a non-negative number in: ${operator}: ${showValue(operand)}`);
  return Array.from({ length: SIGN_BIT }, (_, at) => at).filter((at) => ((mask >> BigInt(at)) & 1n) === 1n);
}

function position(value: Value, index: number): number {
  const shown = `${index}: ${showValue(value)}`;
  if (!isNumeric(value)) throw badValue(`Failed to parse bit position. Expected a number in: ${shown}`);
  const number = toInteger(value);
  if (number === undefined || number > MAX_POSITION) throw badValue(`Failed to parse bit position. Expected an integer: ${shown}`);
  if (number < 0) throw badValue(`Failed to parse bit position. Expected a non-negative number in: ${shown}`);
  return number;
}
