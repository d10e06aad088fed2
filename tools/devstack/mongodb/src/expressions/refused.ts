/** Expressions of MongoDB that are refused by name; all others that are not there are unknown. */
export const REFUSED_EXPRESSIONS: ReadonlySet<string> = new Set([
  '$accumulator', '$acos', '$acosh', '$asin', '$asinh', '$atan', '$atan2', '$atanh', '$binarySize', '$bsonSize', '$cos', '$cosh',
  '$dateFromParts', '$dateFromString', '$dateToParts', '$degreesToRadians', '$firstN', '$function', '$isoDayOfWeek', '$isoWeek',
  '$isoWeekYear', '$lastN', '$maxN', '$median', '$meta', '$minN', '$percentile', '$radiansToDegrees', '$sampleRate', '$sin', '$sinh',
  '$stdDevPop', '$stdDevSamp', '$tan', '$tanh', '$toHashedIndexKey', '$toUUID', '$tsIncrement', '$tsSecond', '$week', '$zip',
]);

/** Accumulators of MongoDB that are refused by name. */
export const REFUSED_ACCUMULATORS: ReadonlySet<string> = new Set([
  '$accumulator', '$bottom', '$bottomN', '$concatArrays', '$firstN', '$lastN', '$maxN', '$median', '$minN', '$percentile', '$setUnion',
  '$stdDevPop', '$stdDevSamp', '$top', '$topN',
]);
