import type { ProviderErrorKind } from '@ferry/contracts';
import { kindOfStatus, parseRetryAfter, ProviderError } from '@ferry/provider-sdk';
import { parseError } from './sora.wire';

/** `error.code` of OpenAI's error bodies and of failed videos; all others follow the HTTP status. */
export const SORA_ERRORS: Readonly<Record<string, ProviderErrorKind>> = {
  invalid_api_key: 'auth',
  account_deactivated: 'auth',
  insufficient_quota: 'quota',
  billing_hard_limit_reached: 'quota',
  rate_limit_exceeded: 'throttled',
  moderation_blocked: 'rejected-by-policy',
  content_policy_violation: 'rejected-by-policy',
  file_too_large: 'too-large',
};

export interface ErrorAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  /** Of a body that was read. */
  excerpt?(): string;
}

const CODE = /^[\w.-]{1,60}$/;

/** OpenAI's wait: `retry-after-ms` is the finer one. */
const retryAfter = ({ header }: ErrorAnswer, nowMs: number): number | undefined => {
  const exact = Number(header('retry-after-ms') ?? Number.NaN);
  return parseRetryAfter(exact >= 0 ? (exact / 1_000).toFixed(3) : header('retry-after'), nowMs);
};

/** An error answer as a ProviderError. The vendor's own text is left out: it can repeat what was sent. */
export const toProviderError = (answer: ErrorAnswer, json: unknown, nowMs: number): ProviderError => {
  const { code, param } = parseError(json);
  const shown = [`HTTP ${answer.status}`, ...[code, param].filter((part) => part !== undefined && CODE.test(part))].join(', ');
  const kind = (code !== undefined && SORA_ERRORS[code]) || kindOfStatus(answer.status);
  const what = json === undefined ? 'The Sora API sent no valid answer' : 'The Sora API refused';
  const told = json === undefined && answer.excerpt ? ` It begins: ${answer.excerpt()}` : '';
  return new ProviderError(kind, `${what} (${shown}).${told}`, {
    status: answer.status,
    ...(code !== undefined && CODE.test(code) ? { code } : {}),
    retryAfterMs: retryAfter(answer, nowMs),
  });
};
