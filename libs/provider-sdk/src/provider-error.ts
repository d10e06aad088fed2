import { KIND_RULES, type ProviderErrorKind } from '@ferry/contracts';

const MAX_MESSAGE = 300;
/** The patterns below take time that grows with the square of the text, and a vendor's header can be 64 KiB. */
const MAX_SCANNED = 2_000;

/** Takes links, keys and addresses out of a text. */
export const redact = (text: string): string =>
  text
    .slice(0, MAX_SCANNED)
    .replace(/\b[a-z][a-z0-9+.-]*:\/\/\S+/gi, '[link]')
    .replace(/\b(bearer|basic)\s+\S+/gi, '$1 [key]')
    .replace(/\b(sk|pk|key)-[\w-]{6,}/gi, '[key]')
    .replace(/[\w.+-]+@[\w-]+\.[\w.-]+/g, '[address]')
    .slice(0, MAX_MESSAGE);

const MAX_EXCERPT = 120;

/** The beginning of what a vendor sent, as an error may tell it: without links, keys, addresses, and whatever is as long as a token. */
export const excerptOf = (text: string, secrets: readonly string[] = []): string => {
  const known = secrets.filter(Boolean).reduce((left, secret) => left.replaceAll(secret, '[key]'), text.slice(0, MAX_SCANNED));
  const told = redact(known.replace(/[\s\p{C}]+/gu, ' '))
    .replace(/[^\s"'<>]{0,200}\?[^\s"'<>]{0,200}=[^\s"'<>]*/g, '[link]')
    .replace(/("?\b[\w-]{0,20}(?:key|token|secret|password|signature|authorization)"?\s{0,3}[:=]\s{0,3}"?)[^\s"&,}]+/gi, '$1[key]')
    .replace(/[\w-]{24,}/g, '[token]');
  return told.length > MAX_EXCERPT ? `${told.slice(0, MAX_EXCERPT)}…` : told;
};

export interface ProviderErrorDetails {
  /** HTTP status, where there was one. For people; the kind decides. */
  readonly status?: number;
  /** Vendor's code, or Ferry's such as CONTENT_TRUNCATED. */
  readonly code?: string;
  /** What the vendor asked to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Where the kind's rule does not fit. */
  readonly retryable?: boolean;
}

/** Why a vendor call failed. The message is redacted here, whatever it was made from. */
export class ProviderError extends Error {
  readonly status?: number;
  readonly code?: string;
  readonly retryAfterMs?: number;
  readonly retryable: boolean;

  constructor(
    readonly kind: ProviderErrorKind,
    message: string,
    details: ProviderErrorDetails = {},
  ) {
    super(redact(message));
    this.name = 'ProviderError';
    this.status = details.status;
    this.code = details.code;
    this.retryAfterMs = details.retryAfterMs;
    this.retryable = details.retryable ?? KIND_RULES[kind].retryable;
  }
}

/** The kind that an HTTP status means where the vendor says nothing more exact. */
export const kindOfStatus = (status: number): ProviderErrorKind => {
  if (status === 401 || status === 403) return 'auth';
  if (status === 402) return 'quota';
  if (status === 404 || status === 410) return 'not-found';
  if (status === 408) return 'timeout';
  if (status === 413) return 'too-large';
  if (status === 429) return 'throttled';
  if (status >= 500) return 'unavailable';
  return status >= 400 ? 'invalid-request' : 'protocol';
};

const MAX_RETRY_AFTER_MS = 24 * 3_600_000;

/** Milliseconds of a `Retry-After` header (seconds or an HTTP date), from 0 to one day; undefined where it is neither. */
export const parseRetryAfter = (header: string | undefined, nowMs: number): number | undefined => {
  if (header === undefined) return undefined;
  const milliseconds = /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(milliseconds) ? undefined : Math.min(Math.max(0, Math.round(milliseconds)), MAX_RETRY_AFTER_MS);
};
