import type { ErrorCategory } from '@ferry/kernel';

/** What an error's category is over HTTP, at every edge: the API's and the data plane's. */
export const HTTP_STATUS: Readonly<Record<ErrorCategory, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  unprocessable: 422,
  throttled: 429,
  internal: 500,
  unsupported: 501,
  upstream: 502,
  unavailable: 503,
  timeout: 504,
  'no-space': 507,
};
