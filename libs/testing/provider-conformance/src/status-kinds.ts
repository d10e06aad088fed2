import type { ProviderErrorKind } from '@ferry/contracts';

interface StatusKind {
  readonly status: number;
  readonly kind: ProviderErrorKind;
  readonly retryable: boolean;
}

/** What an HTTP status means where the vendor's body says nothing more exact. */
export const statusKinds: readonly StatusKind[] = [
  { status: 400, kind: 'invalid-request', retryable: false },
  { status: 401, kind: 'auth', retryable: false },
  { status: 403, kind: 'auth', retryable: false },
  { status: 408, kind: 'timeout', retryable: true },
  { status: 413, kind: 'too-large', retryable: false },
  { status: 429, kind: 'throttled', retryable: true },
  { status: 500, kind: 'unavailable', retryable: true },
  { status: 503, kind: 'unavailable', retryable: true },
];
