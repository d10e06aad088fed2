import { FerryError } from '@ferry/kernel';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';

const flatten = (errors: readonly ValidationError[], path = ''): string[] =>
  errors.flatMap((error) => {
    const at = path ? `${path}.${error.property}` : error.property;
    return [...Object.values(error.constraints ?? {}).map((text) => `${at}: ${text}`), ...flatten(error.children ?? [], at)];
  });

/** At most 20 are told: a caller with more has to look at its request as a whole. */
export const validationFailed = (errors: readonly ValidationError[]): FerryError =>
  new FerryError('VALIDATION_FAILED', 'invalid', 'The request is not valid; details.errors says which fields and why.', {
    errors: flatten(errors).slice(0, 20),
  });

/**
 * The data as an instance of its class.
 * @throws FerryError VALIDATION_FAILED
 */
export const validated = <T extends object>(type: new () => T, data: unknown): T => {
  const instance = plainToInstance(type, data ?? {});
  const errors = validateSync(instance, { whitelist: true, forbidUnknownValues: true });
  if (errors.length) throw validationFailed(errors);
  return instance;
};
