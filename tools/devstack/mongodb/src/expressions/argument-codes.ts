/** MongoDB's error codes for the arguments that an operator takes by name. */
export interface ArgumentCodes {
  notObject: number;
  unknown: number;
  missing: Readonly<Record<string, number>>;
}

const TRIM: ArgumentCodes = { notObject: 50696, unknown: 50694, missing: { input: 50695 } };
const REGEX: ArgumentCodes = { notObject: 51103, unknown: 31024, missing: { input: 31022, regex: 31023 } };
const REPLACE: ArgumentCodes = { notObject: 51751, unknown: 51750, missing: { input: 51749, find: 51748, replacement: 51747 } };
const DATE_ADD: ArgumentCodes = { notObject: 5166400, unknown: 5166401, missing: { startDate: 5166402, unit: 5166402, amount: 5166402 } };

/** Where an operator is not in here, FailedToParse (9) stands for all three. */
export const ARGUMENT_CODES: Readonly<Record<string, ArgumentCodes>> = {
  $cond: { notObject: 16020, unknown: 17083, missing: { if: 17080, then: 17081, else: 17082 } },
  $switch: { notObject: 40060, unknown: 40067, missing: { branches: 40068 } },
  '$switch branch': { notObject: 40062, unknown: 40063, missing: { case: 40064, then: 40065 } },
  $let: { notObject: 16874, unknown: 16875, missing: { vars: 16876, in: 16877 } },
  $filter: { notObject: 28646, unknown: 28647, missing: { input: 28648, cond: 28650 } },
  $map: { notObject: 16878, unknown: 16879, missing: { input: 16880, in: 16882 } },
  $reduce: { notObject: 40075, unknown: 40076, missing: { input: 40077, initialValue: 40078, in: 40079 } },
  $trim: TRIM,
  $ltrim: TRIM,
  $rtrim: TRIM,
  $regexMatch: REGEX,
  $regexFind: REGEX,
  $regexFindAll: REGEX,
  $replaceOne: REPLACE,
  $replaceAll: REPLACE,
  $dateAdd: DATE_ADD,
  $dateSubtract: DATE_ADD,
  $dateToString: { notObject: 18629, unknown: 18534, missing: { date: 18628 } },
};
