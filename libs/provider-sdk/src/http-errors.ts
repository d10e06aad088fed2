import { JobError } from './job-error';
import { ProviderError } from './provider-error';

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT', 'ESOCKETTIMEDOUT']);
const UNREACHABLE = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['UND_ERR_SOCKET', 'UND_ERR_CLOSED', 'UND_ERR_DESTROYED'],
]);

/** What an operation was stopped for: `signal.reason` of the host's signals. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled';
}

const codeOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
};

/** The innermost cause with a meaning of its own: undici wraps. */
const known = (error: unknown): Error | undefined => {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if (at instanceof ProviderError || at instanceof JobError || at instanceof Cancelled) return at;
    if (at instanceof AggregateError) return at.errors.map(known).find(Boolean);
  }
  return undefined;
};

/**
 * An error of the connection as one with a kind. `phase` body: the answer had begun, so what is missing is missing for
 * a reason that the peer's framing shows (`protocol`).
 */
export const connectionError = (error: unknown, signal: AbortSignal | undefined, phase: 'call' | 'body'): Error => {
  const meaning = known(error);
  if (meaning) return meaning;
  if (signal?.aborted) {
    const reason: unknown = signal.reason;
    return known(reason) ?? new ProviderError('timeout', 'The deadline passed.');
  }
  const code = codeOf(error);
  if (TIMEOUTS.has(code)) return new ProviderError('timeout', 'The other side did not answer in time.', { code });
  if (phase === 'body') return new ProviderError('protocol', 'The connection ended before the whole body had come.', { code: 'CONTENT_TRUNCATED' });
  if (UNREACHABLE.has(code)) return new ProviderError('unavailable', 'The connection failed.', { code });
  return new ProviderError('protocol', 'The answer is not valid HTTP.', code ? { code } : {});
};
