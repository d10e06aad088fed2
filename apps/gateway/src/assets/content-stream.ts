import { SUBJECTS, type AcquireLeaseAnswer } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import { toFerryError } from '@ferry/messaging';
import type { Logger } from '@ferry/observability';
import { LOGGER } from '@ferry/service-host';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { once } from 'node:events';
import { request as httpRequest, type Dispatcher } from 'undici';
import { goneSignal } from '../http/answer';
import type { Asked } from '../http/call';
import { Services } from '../services';

/** Milliseconds. A lease lives LEASE and is renewed each RENEW while the client reads. */
const LEASE_MS = 60_000;
const RENEW_MS = 20_000;
/** Until the data plane's first byte; then between two bytes, on both sides; then for all of it. */
const HEADERS_MS = 10_000;
const IDLE_MS = 30_000;
const TOTAL_MS = 3_600_000;

/** Of the request, to the data plane: which range is asked for, and of which content. */
const PASSED_ON = ['range', 'if-range'] as const;

const NOT_CACHED =
  "The asset's bytes are not in the cache now. Ask for the asset at a provider (PUT /v1/assets/{id}/provider-urls/{providerId}) to bring them in, then read again.";

interface Reading {
  readonly asked: Asked;
  readonly lease: AcquireLeaseAnswer;
}

/** Streams an asset's bytes from the cache's data plane; it holds no more of them than a socket's buffer. */
@Injectable()
export class ContentStream {
  constructor(
    private readonly services: Services,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Answers GET and HEAD, with Range. @throws FerryError NOT_CACHED, RANGE_NOT_SATISFIABLE, CACHE_UNREADABLE */
  async send(asked: Asked, assetId: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const gone = goneSignal(reply);
    const reading = { asked, lease: await this.acquire(asked, assetId, request.id) };
    const renewal = setInterval(() => void this.keep(SUBJECTS.cache.renew, reading, { ttlMs: LEASE_MS }), RENEW_MS);
    try {
      const source = await this.open(reading, request, AbortSignal.any([gone, AbortSignal.timeout(TOTAL_MS)]));
      if (source.statusCode === 416) throw await notSatisfiable(source, reading.lease, reply);
      describe(reply, reading.lease, source);
      if (gone.aborted) return;
      if (request.method === 'HEAD') await Promise.all([source.body.dump(), reply.send()]);
      else await this.stream(source, reply, gone);
    } finally {
      clearInterval(renewal);
      await this.keep(SUBJECTS.cache.release, reading, {});
    }
  }

  private async stream({ body }: Dispatcher.ResponseData, reply: FastifyReply, gone: AbortSignal): Promise<void> {
    reply.raw.setTimeout(IDLE_MS, () => reply.raw.destroy());
    void reply.send(body);
    if (!gone.aborted) await once(gone, 'abort');
  }

  private async acquire(asked: Asked, assetId: string, holder: string): Promise<AcquireLeaseAnswer> {
    try {
      return await this.services.ask<AcquireLeaseAnswer>(SUBJECTS.cache.acquire, { ...asked, assetId, holder, ttlMs: LEASE_MS });
    } catch (error) {
      const { code, category } = toFerryError(error);
      throw code === 'NOT_CACHED' ? new FerryError(code, category, NOT_CACHED) : error;
    }
  }

  private async open({ lease }: Reading, { method, headers }: FastifyRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const source = await httpRequest(lease.getUrl, {
      method: method === 'HEAD' ? 'HEAD' : 'GET',
      headers: Object.fromEntries(PASSED_ON.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : []))),
      headersTimeout: HEADERS_MS,
      bodyTimeout: IDLE_MS,
      signal,
    }).catch((cause: unknown) => {
      throw Object.assign(unreadable({ reason: 'no answer' }), { cause });
    });
    if ([200, 206, 416].includes(source.statusCode)) return source;
    await source.body.dump();
    throw unreadable({ status: source.statusCode });
  }

  /** A lease that cannot be renewed or released ends by itself; what is being read goes on. */
  private async keep(subject: string, { asked: { owner, actor }, lease }: Reading, more: object): Promise<void> {
    try {
      await this.services.ask(subject, { owner, actor, leaseId: lease.leaseId, ...more });
    } catch (error) {
      this.logger.warn({ err: error, subject, leaseId: lease.leaseId }, 'a lease could not be kept or released');
    }
  }
}

const unreadable = (details: Readonly<Record<string, unknown>>): FerryError =>
  new FerryError('CACHE_UNREADABLE', 'upstream', 'The cached file could not be read. Try again in some seconds.', details);

const notSatisfiable = async ({ body }: Dispatcher.ResponseData, { file: { sizeBytes } }: AcquireLeaseAnswer, reply: FastifyReply): Promise<FerryError> => {
  await body.dump();
  void reply.header('content-range', `bytes */${sizeBytes}`);
  return new FerryError('RANGE_NOT_SATISFIABLE', 'invalid', `The file has ${sizeBytes} bytes; the range begins after its end.`, { sizeBytes });
};

/** The bytes come from outside: they are told as what they were verified to be, and no browser may run them. */
const describe = (reply: FastifyReply, { file }: AcquireLeaseAnswer, { statusCode, headers }: Dispatcher.ResponseData): void => {
  void reply.status(statusCode).headers({
    'content-type': file.mimeType,
    'accept-ranges': 'bytes',
    etag: `"${file.sha256}"`,
    'content-disposition': `inline; filename*=UTF-8''${encodeURIComponent(file.filename).replace(/['()*]/g, escaped)}`,
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
  });
  for (const name of ['content-length', 'content-range']) if (headers[name] !== undefined) void reply.header(name, headers[name]);
};

const escaped = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
