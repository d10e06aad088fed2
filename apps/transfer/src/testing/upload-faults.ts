/** What a vendor does instead of accepting an upload as it should, and what comes of it. */
export interface UploadFault {
  readonly name: string;
  readonly to: 'pixverse' | 'sora';
  readonly fault?: object;
  /** More than the sockets' buffers take: who has not read it to its end cannot have been sent all of it. */
  readonly large?: true;
  /** The kind of each failed attempt; absent: none fails. */
  readonly kind?: string;
  readonly attempts: number;
  /** The next attempt succeeds. */
  readonly recovers?: true;
  /** Attempts after which something may stand at the vendor; absent: it depends on who is faster. */
  readonly orphans?: number;
  /** Files that the vendor accepted. */
  readonly accepted: number;
}

type Outcome = Omit<UploadFault, 'name' | 'to' | 'fault' | 'large'>;

const ATTEMPTS = 2;
const final = (kind: string): Outcome => ({ kind, attempts: 1, orphans: 0, accepted: 0 });
const retried = (kind: string): Outcome => ({ kind, attempts: ATTEMPTS, orphans: 0, accepted: 0 });
/** Released: nobody knows what the vendor made of it. */
const unknown = (kind: string): Outcome => ({ ...retried(kind), orphans: ATTEMPTS });
const unknownOnce = (kind: string, accepted: number): Outcome => ({ kind, attempts: 1, orphans: 1, accepted, recovers: true });

const status = (code: number, outcome: Outcome): UploadFault => ({ name: `status ${code}`, to: 'sora', fault: { status: code }, ...outcome });
const pixverse = (name: string, fault: object, outcome: Outcome): UploadFault => ({ name, to: 'pixverse', fault: { afterBody: true, ...fault }, ...outcome });
const sora = (name: string, fault: object, outcome: Outcome): UploadFault => ({ name, to: 'sora', fault: { afterBody: true, ...fault }, ...outcome });

const STATUSES: readonly UploadFault[] = [
  ...[400, 409, 415, 422].map((code) => status(code, final('invalid-request'))),
  ...[401, 403].map((code) => status(code, final('auth'))),
  status(402, final('quota')),
  status(404, final('not-found')),
  status(413, final('too-large')),
  status(429, retried('throttled')),
  { name: '429 with Retry-After', to: 'sora', fault: { status: 429, retryAfter: '1', times: 1 }, ...retried('throttled'), attempts: 1, accepted: 1, recovers: true },
  sora('500 after the last byte', { status: 500 }, unknown('unavailable')),
  sora('503 after the last byte, once', { status: 503, times: 1 }, unknownOnce('unavailable', 1)),
];

/** An account's key, a link with a signature and a token, in one answer that is none. */
export const TELLTALE = '{"error":"the key KEY may not use https://cdn.example.com/a?X-Amz-Signature=deadbeefdeadbeef, token=0123456789abcdef0123456789abcdef"';

const ANSWERS: readonly UploadFault[] = [
  pixverse('an error code with 200: no account', { code: 400012 }, final('auth')),
  pixverse('an error code with 200: no balance', { code: 500090 }, final('quota')),
  pixverse('an error code with 200: too many jobs', { code: 500044 }, retried('throttled')),
  pixverse('an error code that is not documented', { code: 123456 }, unknown('protocol')),
  pixverse('moderation refuses it when it has come', { code: 500054 }, final('rejected-by-policy')),
  pixverse('moderation refuses it in its other form', { code: 500052 }, final('rejected-by-policy')),
  pixverse('malformed JSON', { rawBody: '{"ErrCode":0,"Resp":{"media_id":12' }, unknown('protocol')),
  pixverse('a telltale', { rawBody: TELLTALE }, unknown('protocol')),
  pixverse('an HTML page', { html: true }, unknown('protocol')),
  pixverse('an answer without an id', { rawBody: '{"ErrCode":0,"ErrMsg":"success","Resp":{}}' }, unknown('protocol')),
  pixverse('an id that is no number', { rawBody: '{"ErrCode":0,"Resp":{"media_id":1e400}}' }, unknown('protocol')),
  pixverse('an id beyond 64 bits', { rawBody: '{"ErrCode":0,"Resp":{"media_id":123456789012345678901234567890}}' }, unknown('protocol')),
  { name: 'an id beyond a double', to: 'pixverse', attempts: 0, orphans: 0, accepted: 1 },
  sora('an answer without an id in another form', { rawBody: '{"object":"character"}' }, unknown('protocol')),
  sora('an answer for another file', { rawBody: '{"id":"char_other","object":"character","name":"ferry-other"}' }, unknown('protocol')),
  sora('an endless answer', { endless: true }, unknown('protocol')),
  { name: 'an answer before the last byte', to: 'sora', large: true, fault: { rawBody: '{"id":"char_early"}' }, ...retried('protocol'), orphans: undefined },
];

const CONNECTIONS: readonly UploadFault[] = [
  { name: 'silence before the answer', to: 'sora', fault: { latencyMs: 600_000, times: 1 }, ...unknownOnce('timeout', 1) },
  { name: 'a reset before the body', to: 'sora', fault: { reset: true, times: 1 }, ...unknownOnce('unavailable', 1), orphans: undefined },
  sora('a reset after the last byte', { reset: true, times: 1 }, unknownOnce('unavailable', 1)),
  { name: 'an accepted file whose answer is lost', to: 'sora', fault: { loseAnswer: true, times: 1 }, ...unknownOnce('unavailable', 2) },
];

/** Besides these: a redirect, and a reset in the middle, each with a case of its own. */
export const UPLOAD_FAULTS: readonly UploadFault[] = [...STATUSES, ...ANSWERS, ...CONNECTIONS];
