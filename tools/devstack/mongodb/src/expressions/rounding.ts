import { Decimal128, Int32 } from 'bson';
import { makeDecimal, power10 } from '../bson/decimal';
import { exact, isNumeric, toInteger } from '../bson/numbers';
import { type Maybe, typeName } from '../bson/values';
import { MongoError } from '../errors';
import { isNullish } from './arguments';

export type Rounding = '$ceil' | '$floor' | '$round' | '$trunc';

/** Rounds to a decimal place (negative: before the point); `$round` takes halves to the even neighbour. Keeps the type. */
export function round(value: Maybe, place: Maybe, operator: Rounding): Maybe {
  if (isNullish(value) || place === null) return null;
  const roundsToPlace = operator === '$round' || operator === '$trunc';
  if (!isNumeric(value)) throw new MongoError(roundsToPlace ? 51081 : 28765, `${operator} only supports numeric types, not ${typeName(value)}`);
  const digits = place === undefined ? 0 : toInteger(place);
  if (digits === undefined) throw new MongoError(51082, `precision argument to ${operator} must be a integral value`);
  if (digits < -20 || digits > 100) {
    throw new MongoError(51083, `cannot apply ${operator} with precision value outside of [-20, 100]`);
  }
  const parsed = exact(value);
  if (typeof parsed === 'string' || parsed.exponent >= -digits) return value;
  const divisor = power10(-digits - parsed.exponent);
  const whole = roundedQuotient(parsed.coefficient, divisor, operator);
  if (value instanceof Decimal128) return makeDecimal(whole, -digits);
  if (typeof value === 'number') return Number(`${whole}e${-digits}`);
  const result = whole * power10(-digits);
  return value instanceof Int32 ? new Int32(Number(result)) : result;
}

function roundedQuotient(value: bigint, divisor: bigint, operator: Rounding): bigint {
  const quotient = value / divisor;
  const rest = value % divisor;
  if (rest === 0n || operator === '$trunc') return quotient;
  const away = value < 0n ? quotient - 1n : quotient + 1n;
  if (operator === '$ceil') return value < 0n ? quotient : away;
  if (operator === '$floor') return value < 0n ? away : quotient;
  const twice = (rest < 0n ? -rest : rest) * 2n;
  if (twice !== divisor) return twice > divisor ? away : quotient;
  return quotient % 2n === 0n ? quotient : away;
}
