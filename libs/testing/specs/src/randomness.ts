import { randomInt } from 'node:crypto';

const MAX_SEED = 2 ** 31 - 1;

let drawn: number | undefined;

/**
 * The seed of this test file's random choices: FERRY_TEST_SEED, or drawn. It is printed once, so that a failure can be
 * repeated with the same choices.
 */
export function seed(): number {
  if (drawn === undefined) {
    drawn = wholeNumber('FERRY_TEST_SEED', 0, MAX_SEED) ?? randomInt(MAX_SEED);
    process.stdout.write(`seed ${drawn}\n`);
  }
  return drawn;
}

/** How often to repeat a random test: `few` times FERRY_TEST_ROUNDS (default 1; raise it for a long search). */
export function rounds(few: number): number {
  return few * (wholeNumber('FERRY_TEST_ROUNDS', 1, 1_000_000) ?? 1);
}

function wholeNumber(variable: string, min: number, max: number): number | undefined {
  const text = process.env[variable];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new Error(`${variable} must be a whole number from ${min} to ${max}, not "${text}"`);
  }
  return value;
}
