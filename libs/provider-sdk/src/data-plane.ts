import type { CachedFile, JobFailure } from '@ferry/contracts';
import { stepBoundary } from '@ferry/observability';
import { Readable } from 'node:stream';
import type { Agent, Dispatcher } from 'undici';
import { AddressGuard } from './address-guard';
import { discard } from './discard';
import { readText } from './http-client';
import { connectionError } from './http-errors';
import { JobError } from './job-error';
import type { JobContext } from './job-registry';
import type { DownloadedAsset } from './provider-adapter';
import { ProviderError, redact } from './provider-error';
import { member, textMember } from './vendor-answer';

const MAX_ANSWER_BYTES = 64 * 1024;
const CHUNK_BYTES = 256 * 1024;
const STALL_MS = 30_000;

const kindOf = (code: string | undefined): JobFailure['kind'] => {
  if (code === 'CACHE_FULL' || code === 'EXCEEDS_CACHE') return 'cache-full';
  if (code === 'CONTENT_CHANGED') return 'content-changed';
  return code?.startsWith('CONTENT_') ? 'protocol' : 'unavailable';
};

/** A problem+json answer of the data plane, or what came instead of it, as the job's failure. */
const refusal = (status: number, text: string): JobError => {
  let problem: unknown;
  try {
    problem = JSON.parse(text);
  } catch {
    problem = undefined;
  }
  const code = textMember(problem, 'code');
  const kind = kindOf(code);
  const message = redact(textMember(problem, 'detail') ?? textMember(problem, 'title') ?? `The cache answered ${status}.`);
  const retryable = (kind === 'protocol' || kind === 'unavailable') && code !== 'ASSET_DELETED';
  const retryAt = textMember(member(problem, 'details'), 'retryAfter');
  const later = retryAt === undefined ? {} : { retryAfterMs: Math.max(0, Date.parse(retryAt) - Date.now()) };
  // A fault of the content is the vendor's, any other the cache's.
  return new JobError({ kind, message, retryable, ...(code ? { code } : {}), ...(kind === 'protocol' ? {} : { ours: true, ...later }) });
};

async function* counted(asset: DownloadedAsset, { signal, onBytes }: JobContext): AsyncGenerator<Buffer> {
  let read = 0;
  for await (const chunk of asset.body as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    read += chunk.length;
    onBytes(chunk.length);
    yield chunk;
    if (asset.sizeBytes !== undefined && read * 2 > asset.sizeBytes) stepBoundary('provider.half-received');
  }
  if (asset.sizeBytes !== undefined && read !== asset.sizeBytes) {
    throw new ProviderError('protocol', `The vendor sent ${read} bytes instead of ${asset.sizeBytes}.`, { code: 'CONTENT_TRUNCATED' });
  }
  if (read === 0) throw new ProviderError('protocol', 'The vendor sent an empty file.', { code: 'CONTENT_EMPTY' });
}

/** What failed on the way to the cache is no fault of the vendor, unless it came with the vendor's bytes or the job was stopped. */
const ourFault = (cause: unknown, error: Error): Error => {
  if (!(error instanceof ProviderError)) return error;
  for (let at: unknown = cause; at instanceof Error; at = at.cause) if (at === error) return error;
  const { kind, message, code, retryable } = error;
  return new JobError({ kind, message, retryable, ...(code ? { code } : {}), ours: true });
};

/** The cache's HTTP side: bytes in and out, as streams. Connects to the configured hosts and no others, follows nothing. */
export class DataPlane {
  private readonly guard: AddressGuard;
  private readonly agent: Agent;

  /** @param hosts `host:port` pairs */
  constructor(hosts: readonly string[]) {
    this.guard = new AddressGuard({ allowedHosts: hosts, onlyThese: true });
    this.agent = this.guard.createAgent({ connections: 64, connectTimeoutMs: 5_000 });
  }

  /**
   * Opens a cached file.
   * @throws JobError, ProviderError; also where its length is not the one that is known
   */
  async get(url: string, sizeBytes: number, signal: AbortSignal): Promise<Readable> {
    const { statusCode, headers, body } = await this.request(url, { method: 'GET' }, signal);
    if (statusCode !== 200) throw refusal(statusCode, await this.answerOf(body, signal));
    if (headers['content-length'] === String(sizeBytes)) return body;
    discard(body);
    const message = `The cached file has ${String(headers['content-length'])} bytes instead of ${sizeBytes}.`;
    throw new JobError({ kind: 'protocol', message, code: 'CONTENT_LENGTH_MISMATCH', retryable: true, ours: true });
  }

  /**
   * Streams a vendor's file into the cache, which verifies it. Any error breaks the PUT off, so that nothing is kept.
   * @throws JobError, ProviderError
   */
  async put(url: string, asset: DownloadedAsset, context: JobContext): Promise<CachedFile> {
    const headers: Record<string, string> = { 'content-type': asset.mimeType };
    if (asset.sizeBytes !== undefined) headers['content-length'] = String(asset.sizeBytes);
    const source = Readable.from(counted(asset, context), { objectMode: false, highWaterMark: CHUNK_BYTES });
    try {
      const { statusCode, body } = await this.request(url, { method: 'PUT', headers, body: source }, context.signal);
      const text = await this.answerOf(body, context.signal);
      if (statusCode >= 300) throw refusal(statusCode, text);
      return JSON.parse(text) as CachedFile;
    } finally {
      asset.body.destroy();
      source.destroy();
    }
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async request(
    address: string,
    options: Pick<Dispatcher.RequestOptions, 'method' | 'headers' | 'body'>,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const url = new URL(address);
    this.guard.check(url);
    try {
      signal.throwIfAborted();
      // A PUT is answered after its last byte, which the vendor may be slow to give: the job's deadline rules.
      const timeouts = { headersTimeout: options.method === 'PUT' ? 0 : STALL_MS, bodyTimeout: STALL_MS };
      return await this.agent.request({ ...options, ...timeouts, origin: url.origin, path: `${url.pathname}${url.search}`, signal });
    } catch (error) {
      throw ourFault(error, connectionError(error, signal, 'call'));
    }
  }

  private async answerOf(body: Readable, signal: AbortSignal): Promise<string> {
    try {
      return await readText(body, MAX_ANSWER_BYTES);
    } catch (error) {
      throw ourFault(error, connectionError(error, signal, 'body'));
    }
  }
}
