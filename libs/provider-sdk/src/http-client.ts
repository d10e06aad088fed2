import { bufferPassed } from '@ferry/resilience';
import { Readable } from 'node:stream';
import type { Agent, Dispatcher } from 'undici';
import { AddressGuard, hostAndPort } from './address-guard';
import { discard } from './discard';
import { connectionError } from './http-errors';
import { parseLossless } from './lossless-json';
import { MultipartUpload, type MultipartOptions } from './multipart';
import { excerptOf, ProviderError } from './provider-error';

export interface HttpOptions {
  /** Where credentials go and nowhere else. Trusted by configuration, so it may be private or http. */
  readonly apiUrl: string;
  /** `host:port` pairs that links may lead to although private; development only. */
  readonly allowedHosts?: readonly string[];
  /** Milliseconds. Defaults: 10 s to connect, 60 s to the answer's head, 30 s between two chunks of it. */
  readonly connectTimeoutMs?: number;
  readonly headersTimeoutMs?: number;
  readonly stallTimeoutMs?: number;
  /** A body that comes more slowly, over the stall's time of waiting for it, is given up. Default 1,024. */
  readonly minBytesPerSecond?: number;
}

export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Headers that are sent to the API's origin only, at every hop anew. */
  readonly credentials?: () => Readonly<Record<string, string>>;
  readonly body?: AsyncIterable<Uint8Array> | string;
  /** Cancellation and deadline. */
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  /** Must be read or destroyed. Fails with a ProviderError where it ends early. */
  readonly body: Readable;
}

export interface JsonAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  /** Undefined where the body is no JSON. Whole numbers beyond a double's reach are digits. */
  readonly json: unknown;
  /** The beginning of the body for an error's message, redacted. */
  excerpt(): string;
}

export interface HttpUpload extends Pick<HttpRequest, 'url' | 'headers' | 'credentials' | 'signal'> {
  readonly form: MultipartOptions;
}

const MAX_REDIRECTS = 5;
const MAX_JSON_BYTES = 1024 * 1024;
const CONNECTIONS = 64;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Vendor HTTP: pooled, with deadlines and limits; follows redirects of GETs by hand, each hop through the address guard. */
export class HttpClient {
  private readonly api: URL;
  private readonly apiAgent: Agent;
  private readonly openGuard: AddressGuard;
  private readonly openAgent: Agent;

  constructor(private readonly options: HttpOptions) {
    this.api = new URL(options.apiUrl);
    const pool = { connections: CONNECTIONS, connectTimeoutMs: options.connectTimeoutMs ?? 10_000 };
    this.apiAgent = new AddressGuard({ allowedHosts: [hostAndPort(this.api)], onlyThese: true }).createAgent(pool);
    this.openGuard = new AddressGuard({ allowedHosts: options.allowedHosts ?? [] });
    this.openAgent = this.openGuard.createAgent(pool);
  }

  /** @throws ProviderError; an error status is an answer, not an error */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    let url = parseUrl(request.url);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const answer = await this.sendOnce(url, request);
      const location = answer.header('location');
      if (!REDIRECTS.has(answer.status) || location === undefined) return answer;
      answer.body.destroy();
      if (request.body !== undefined) throw new ProviderError('protocol', 'The vendor redirects an upload.', { status: answer.status });
      url = parseUrl(location, url);
    }
    throw new ProviderError('protocol', `The vendor redirects more than ${MAX_REDIRECTS} times.`);
  }

  /** Sends and reads the whole answer, at most 1 MiB of it. @throws ProviderError */
  async json(request: HttpRequest): Promise<JsonAnswer> {
    const { status, header, body } = await this.send(request);
    const text = await readText(body, MAX_JSON_BYTES);
    const secrets = Object.values(request.credentials?.() ?? {}).flatMap((value) => [value, value.slice(value.indexOf(' ') + 1)]);
    return { status, header, json: tryParse(text), excerpt: () => excerptOf(text, secrets) };
  }

  /** Posts a file as a form whose last bytes wait for their release. @throws ProviderError, and what `release` throws */
  async upload({ form, signal, headers, ...request }: HttpUpload): Promise<JsonAnswer> {
    const body = new MultipartUpload(form);
    const answered = new AbortController();
    try {
      const answer = await this.json({
        ...request,
        method: 'POST',
        headers: { ...headers, 'content-type': body.contentType, 'content-length': String(body.contentLength) },
        body,
        signal: AbortSignal.any([signal, answered.signal]),
      });
      if (answer.status < 400 && !body.complete) throw new ProviderError('protocol', 'The vendor accepted the upload before it had all of it.');
      return answer;
    } finally {
      // A vendor that refuses early is owed no more bytes.
      answered.abort();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.apiAgent.destroy(), this.openAgent.destroy()]);
  }

  private async sendOnce(url: URL, request: HttpRequest): Promise<HttpAnswer> {
    const toApi = url.origin === this.api.origin && request.credentials !== undefined;
    if (!toApi) this.openGuard.check(url);
    const { signal } = request;
    const stallMs = this.options.stallTimeoutMs ?? 30_000;
    try {
      signal.throwIfAborted();
      const answer = await (toApi ? this.apiAgent : this.openAgent).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: (request.method ?? 'GET') as Dispatcher.HttpMethod,
        headers: { 'user-agent': 'ferry', 'accept-encoding': 'identity', ...request.headers, ...(toApi ? request.credentials?.() : {}) },
        body: typeof request.body === 'object' ? Readable.from(request.body, { objectMode: false, highWaterMark: 256 * 1024 }) : request.body,
        signal,
        // An upload waits for its release and for the vendor's own processing: its deadline is the signal's.
        headersTimeout: request.body === undefined ? (this.options.headersTimeoutMs ?? 60_000) : 0,
        bodyTimeout: stallMs,
      });
      return toAnswer(answer, signal, { windowMs: stallMs, minBytesPerSecond: this.options.minBytesPerSecond ?? 1_024 });
    } catch (error) {
      throw connectionError(error, signal, 'call');
    }
  }
}

interface Pace {
  /** Milliseconds of waiting for the vendor. */
  readonly windowMs: number;
  readonly minBytesPerSecond: number;
}

const toAnswer = ({ statusCode, headers, body }: Dispatcher.ResponseData, signal: AbortSignal, pace: Pace): HttpAnswer => {
  const checked = Readable.from(withKinds(body, signal, pace), { objectMode: false, highWaterMark: 256 * 1024 });
  // A generator that was never started does not end what it would have read.
  checked.once('close', () => discard(body));
  return {
    status: statusCode,
    header: (name) => {
      const value = headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    body: checked,
  };
};

async function* withKinds(body: Readable, signal: AbortSignal, pace: Pace): AsyncGenerator<Buffer> {
  try {
    yield* paced(body, pace);
  } catch (error) {
    throw connectionError(error, signal, 'body');
  }
}

/** The time that the reader takes does not count: a slow disk is not the vendor's fault. @throws ProviderError timeout */
async function* paced(body: AsyncIterable<Buffer>, { windowMs, minBytesPerSecond }: Pace): AsyncGenerator<Buffer> {
  let waitedMs = 0;
  let came = 0;
  let asked = performance.now();
  for await (const chunk of body) {
    waitedMs += performance.now() - asked;
    came += chunk.length;
    bufferPassed(chunk.length);
    if (waitedMs >= windowMs) {
      if (came < (minBytesPerSecond * waitedMs) / 1_000) throw new ProviderError('timeout', 'The vendor sends too slowly.', { code: 'CONTENT_TOO_SLOW' });
      waitedMs = came = 0;
    }
    yield chunk;
    asked = performance.now();
  }
}

/** @throws ProviderError protocol when it is longer */
export const readText = async (body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw new ProviderError('protocol', `The answer is longer than ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const tryParse = (text: string): unknown => {
  try {
    return parseLossless(text);
  } catch {
    // No JSON is an answer too: the vendor's error table decides by status.
    return undefined;
  }
};

const parseUrl = (text: string, base?: URL): URL => {
  const url = URL.parse(text, base?.href);
  if (!url) throw new ProviderError(base ? 'protocol' : 'invalid-request', 'The link is not valid.');
  return url;
};
