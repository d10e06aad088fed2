import type { ProviderErrorKind } from '@ferry/contracts';
import { kindOfStatus, parseRetryAfter, ProviderError, type JsonAnswer } from '@ferry/provider-sdk';
import { parseEnvelope } from './pixverse.wire';

/** From docs.platform.pixverse.ai "error codes"; 500052 from the schema of a moderated image's answer. */
export const PIXVERSE_ERRORS: Readonly<Record<number, readonly [ProviderErrorKind, string]>> = {
  400011: ['invalid-request', 'a parameter is empty'],
  400012: ['auth', 'the account is not valid'],
  400013: ['invalid-request', 'a parameter has the wrong type'],
  400017: ['invalid-request', 'a parameter is not valid'],
  400018: ['invalid-request', 'the prompt is too long'],
  400019: ['invalid-request', 'the prompt is too long'],
  400032: ['not-found', 'the image id is not valid'],
  500008: ['not-found', 'the data was not found'],
  500020: ['auth', 'the account has no permission'],
  500030: ['too-large', 'the image is larger than 20 MB or 4000 px'],
  500031: ['invalid-request', 'the image cannot be read'],
  500032: ['invalid-request', 'the image has a format that is not supported'],
  500033: ['invalid-request', 'the image has dimensions that are not supported'],
  500041: ['unavailable', 'the image could not be stored'],
  500042: ['invalid-request', 'the image has a bad path'],
  500044: ['throttled', 'too many jobs at once'],
  500052: ['rejected-by-policy', 'moderation refused the image'],
  500054: ['rejected-by-policy', 'moderation refused the content'],
  500063: ['rejected-by-policy', 'moderation refused the content'],
  500064: ['not-found', 'the content was deleted'],
  500069: ['unavailable', 'the service is under high load'],
  500070: ['invalid-request', 'the template is not active'],
  500071: ['invalid-request', 'the resolution is not supported'],
  500090: ['quota', 'the balance is not sufficient'],
  500100: ['unavailable', 'a database failed'],
};

/** What PixVerse answers where it does not know itself: the HTTP status is more exact, where it is an error's. */
const UNKNOWN = 99999;

/** `Resp` of a success. @throws ProviderError for every other answer */
export const unwrap = ({ status, json, header, excerpt }: JsonAnswer, nowMs: number): unknown => {
  const { code, resp } = parseEnvelope(json);
  if (status === 200 && code === 0) return resp;
  const known = code === undefined ? undefined : PIXVERSE_ERRORS[code];
  const kind = known?.[0] ?? (status >= 400 ? kindOfStatus(status) : code === UNKNOWN ? 'unavailable' : 'protocol');
  const why = known?.[1] ?? (code === undefined ? 'the answer is not in PixVerse’s form' : 'the error is not documented');
  const told = known ? '' : ` It begins: ${excerpt()}`;
  throw new ProviderError(kind, `PixVerse: ${why} (HTTP ${status}${code === undefined ? '' : `, code ${code}`}).${told}`, {
    status,
    ...(code === undefined ? {} : { code: String(code) }),
    retryAfterMs: parseRetryAfter(header('retry-after'), nowMs),
  });
};
