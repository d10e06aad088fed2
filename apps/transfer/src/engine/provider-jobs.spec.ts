import { FerryError, type ErrorCategory } from '@ferry/kernel';
import { refusalOf } from './provider-jobs';

describe('a job that the adapter does not start', () => {
  it.each<[string, ErrorCategory, string, boolean]>([
    ['TOO_MANY_JOBS', 'throttled', 'throttled', true],
    ['JOB_CONFLICT', 'conflict', 'unavailable', true],
    ['INTERNAL', 'internal', 'unavailable', true],
    ['SERVICE_UNAVAILABLE', 'unavailable', 'unavailable', true],
    ['UNKNOWN_ACCOUNT', 'not-found', 'auth', false],
    ['VALIDATION_FAILED', 'invalid', 'invalid-request', false],
    ['UNSUPPORTED', 'unsupported', 'invalid-request', false],
  ])('for %s (%s) ended as %s, to be tried again: %s', (code, category, kind, retryable) => {
    expect(refusalOf(new FerryError(code, category, 'No.'))).toEqual({ kind, retryable, code, message: 'No.', ours: true });
  });
});
