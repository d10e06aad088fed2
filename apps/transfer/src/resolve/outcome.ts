import type { EndedRun, TransferRun } from '@ferry/domain/transfer';
import { FerryError, type ErrorCategory } from '@ferry/kernel';

type Failed = Extract<EndedRun, { status: 'failed' }>;

/** Failures that are not the provider's doing have a category of their own. */
const CATEGORIES: Readonly<Record<string, ErrorCategory>> = {
  'cache-full': 'no-space',
  'exceeds-cache': 'too-large',
  'too-large': 'too-large',
  'invalid-request': 'unprocessable',
  'rejected-by-policy': 'unprocessable',
  'content-changed': 'conflict',
};

/** What a waiter is told of a run that did not end well. */
export const transferFailed = (run: TransferRun | undefined): FerryError => {
  if (run?.status === 'failed') return failed(run);
  if (run?.status === 'completed') {
    const message = 'The transfer ended well, but its reference has ended or was invalidated since. Resolve again to get a new one.';
    return new FerryError('REFERENCE_ENDED', 'conflict', message, { transferId: run.transferId });
  }
  const message = 'The transfer was cancelled. Resolve again to begin a new one.';
  return new FerryError('TRANSFER_CANCELLED', 'conflict', message, run ? { transferId: run.transferId } : {});
};

const failed = ({ transferId, kind, message, retryAfter }: Failed): FerryError => {
  const text = `The transfer failed (${kind})${message ? `: ${message}` : '.'}`;
  return new FerryError('TRANSFER_FAILED', CATEGORIES[kind] ?? 'upstream', text, { kind, transferId, ...(retryAfter ? { retryAfter } : {}) });
};
