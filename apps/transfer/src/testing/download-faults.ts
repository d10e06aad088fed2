import type { MediaFacts } from '@ferry/kernel';

/** What a vendor does instead of sending the video that it was asked for, and what comes of it. */
export interface DownloadFault {
  readonly name: string;
  /** Of every call for the media link, or of the first `times`; several: the last is met first. */
  readonly faults?: (link: string) => object[];
  /** What the vendor has in the video's place. */
  readonly content?: (video: Buffer, image: Buffer) => { readonly bytes: Buffer; readonly mimeType: string };
  /** What the client declared of the video. */
  readonly declared?: (video: Buffer) => MediaFacts;
  /** The kind of each failed attempt. */
  readonly kind: string;
  readonly attempts: number;
  /** Calls that met the fault; default: one for each failed attempt. */
  readonly calls?: number;
  /** The next attempt succeeds. */
  readonly recovers?: true;
}

/** Tries of a run in this spec. */
export const ATTEMPTS = 2;
const retried = (kind: string) => ({ kind, attempts: ATTEMPTS });
const final = (kind: string) => ({ kind, attempts: 1 });
const recovered = (kind: string) => ({ kind, attempts: 1, recovers: true }) as const;

const always = (fault: object) => () => [fault];
const once = (fault: object) => () => [{ ...fault, times: 1 }];
const status = (code: number, expected: Pick<DownloadFault, 'kind' | 'attempts'>): DownloadFault => ({ name: `status ${code}`, faults: always({ status: code }), ...expected });
const MIDDLE = 300_000;
/** Nobody listens there, but connections are allowed. */
export const NOBODY = '127.0.0.1:9';

const BROKEN_BODIES: readonly DownloadFault[] = [
  { name: 'an HTML page', faults: always({ html: true }), ...retried('protocol') },
  { name: 'an HTML page that says it is a video', faults: always({ html: true, contentType: 'video/mp4' }), ...retried('protocol') },
  { name: 'a JSON error with 200', faults: always({ rawBody: '{"error":"no such thing"}' }), ...retried('protocol') },
  { name: 'a JSON error that says it is a video', faults: always({ rawBody: '{"error":"no such thing"}', contentType: 'video/mp4' }), ...retried('protocol') },
  { name: 'a picture', content: (_video, bytes) => ({ bytes, mimeType: 'image/png' }), ...retried('protocol') },
  { name: 'a picture that says it is a video', content: (_video, bytes) => ({ bytes, mimeType: 'video/mp4' }), ...retried('protocol') },
  { name: 'no bytes', content: () => ({ bytes: Buffer.alloc(0), mimeType: 'video/mp4' }), ...retried('protocol') },
  { name: 'a container that is cut', content: (video) => ({ bytes: video.subarray(0, MIDDLE), mimeType: 'video/mp4' }), ...retried('protocol') },
  { name: 'a container without its index', content: (video) => ({ bytes: withoutIndex(video), mimeType: 'video/mp4' }), ...retried('protocol') },
  { name: 'a packed body', faults: always({ gzip: true }), ...retried('protocol') },
  { name: '206 with a part of it', faults: always({ partial: true }), ...retried('protocol') },
];

const LENGTHS: readonly DownloadFault[] = [
  { name: 'smaller than declared', declared: (video) => ({ sizeBytes: video.length + 1 }), ...retried('protocol') },
  { name: 'larger than declared', declared: (video) => ({ sizeBytes: video.length - 1 }), ...retried('protocol') },
  { name: 'without a length, and larger than declared', declared: ({ length }) => ({ sizeBytes: length - 1 }), faults: always({ unknownLength: true }), ...retried('protocol') },
  { name: 'an endless body where the length was declared', declared: ({ length }) => ({ sizeBytes: length }), faults: always({ endless: true, contentType: 'video/mp4' }), ...retried('protocol') },
  { name: 'without a length, broken off', faults: always({ unknownLength: true, truncateAt: MIDDLE }), ...retried('protocol') },
  { name: 'longer than announced', faults: always({ announce: MIDDLE }), ...retried('protocol') },
  { name: 'cut at byte 0', faults: always({ truncateAt: 0 }), ...retried('protocol') },
  { name: 'cut at byte 1', faults: always({ truncateAt: 1 }), ...retried('protocol') },
  { name: 'cut in the middle', faults: always({ truncateAt: MIDDLE }), ...retried('protocol') },
  { name: 'cut at its last byte', faults: always({ truncateAt: 730_421 }), ...retried('protocol') },
  { name: 'cut once', faults: once({ truncateAt: MIDDLE }), ...recovered('protocol') },
];

const STATUSES: readonly DownloadFault[] = [
  status(400, final('invalid-request')),
  status(401, final('auth')),
  status(403, final('auth')),
  // A finished video can be on its way to the media host still.
  status(404, retried('not-found')),
  status(408, retried('timeout')),
  status(410, final('not-found')),
  status(429, retried('throttled')),
  { name: '429 with Retry-After', faults: once({ status: 429, retryAfter: '1' }), ...recovered('throttled') },
  status(500, retried('unavailable')),
  status(502, retried('unavailable')),
  { name: '503 with Retry-After', faults: once({ status: 503, retryAfter: '1' }), ...recovered('unavailable') },
  status(504, retried('unavailable')),
  { name: 'a header of 100 KB', faults: always({ headerBytes: 100_000 }), ...retried('protocol') },
];

const CONNECTIONS: readonly DownloadFault[] = [
  { name: 'silence before the answer', faults: once({ latencyMs: 600_000 }), ...recovered('timeout') },
  { name: 'silence in the body', faults: once({ stallAt: MIDDLE }), ...recovered('timeout') },
  { name: 'a drip', faults: once({ bytesPerSecond: 200 }), ...recovered('timeout') },
  { name: 'a reset before the answer', faults: always({ reset: true }), ...retried('unavailable') },
  { name: 'a reset in the body', faults: once({ resetAt: MIDDLE }), ...recovered('protocol') },
  { name: 'a connection that is refused', faults: always({ redirectTo: `http://${NOBODY}/video.mp4` }), ...retried('unavailable') },
  { name: 'a name that does not exist', faults: always({ redirectTo: 'https://media.invalid/video.mp4' }), ...retried('unavailable') },
];

const REDIRECTS: readonly DownloadFault[] = [
  { name: 'a redirect to a private address', faults: always({ redirectTo: 'https://10.0.0.1/video.mp4' }), ...final('invalid-request') },
  { name: 'a redirect to the metadata service', faults: always({ redirectTo: 'http://169.254.169.254/latest/meta-data' }), ...final('invalid-request') },
  { name: 'a redirect to another port of this machine', faults: always({ redirectTo: 'http://127.0.0.1:22/' }), ...final('invalid-request') },
  { name: 'a redirect to another scheme', faults: always({ redirectTo: 'file:///etc/passwd' }), ...final('invalid-request') },
  { name: 'a redirect to itself', faults: (link) => [{ redirectTo: link }], ...retried('protocol'), calls: 6 * ATTEMPTS },
  { name: 'too many redirects', faults: (link) => Array.from({ length: 20 }, (_none, hop) => ({ redirectTo: `${link}?hop=${hop}`, times: 1 })), ...retried('protocol'), calls: 6 * ATTEMPTS },
  { name: 'a redirect to no link', faults: always({ redirectTo: 'http://[' }), ...retried('protocol') },
];

export const DOWNLOAD_FAULTS: readonly DownloadFault[] = [...BROKEN_BODIES, ...LENGTHS, ...STATUSES, ...CONNECTIONS, ...REDIRECTS];

/** The `moov` box under another name, at which players pass over it. */
const withoutIndex = (video: Buffer): Buffer => {
  const bytes = Buffer.from(video);
  bytes.write('skip', bytes.indexOf('moov'));
  return bytes;
};
