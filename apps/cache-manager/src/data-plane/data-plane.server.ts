import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FerryError } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
import { getContent, type GetParts } from './get-content';
import { sendProblem } from './problem';
import { putContent, type PutParts } from './put-content';
import { discardRest } from './request-body';
import type { SignedUrls } from './signed-url';

const HEADERS_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 1_000;
const STOP_GRACE_MS = 2_000;

export interface DataPlaneParts {
  readonly urls: SignedUrls;
  readonly put: PutParts;
  readonly get: GetParts;
  /** Throws while nothing may be served. */
  readonly ensureReady: () => void;
  /** Milliseconds without a byte in or out after which a connection is closed. */
  readonly idleMs: number;
  readonly logger: Logger;
}

/** The HTTP server that bytes go through. Whoever comes has a signed address; nothing else is answered. */
export class DataPlaneServer {
  private readonly server: Server;
  private readonly work = new Set<Promise<void>>();

  constructor(private readonly parts: DataPlaneParts) {
    // The time of a whole request is bounded by the deadlines of its body.
    this.server = createServer({ requestTimeout: 0, headersTimeout: HEADERS_TIMEOUT_MS });
    this.server.maxConnections = MAX_CONNECTIONS;
    this.server.setTimeout(parts.idleMs);
    this.server.on('request', (request, response) => this.track(this.answer(request, response, () => undefined)));
    this.server.on('checkContinue', (request, response) => this.track(this.answer(request, response, () => response.writeContinue())));
  }

  /** @throws Error EADDRINUSE and the like */
  async listen(port: number, host: string): Promise<void> {
    this.server.listen(port, host);
    await once(this.server, 'listening');
  }

  /** Where it listens, as a base of addresses. */
  get address(): string {
    const { address, family, port } = this.server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** Lets the requests under way end for a moment, then breaks them off, and waits until they have tidied up. */
  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    const breakOff = setTimeout(() => this.server.closeAllConnections(), STOP_GRACE_MS);
    await closed;
    clearTimeout(breakOff);
    await Promise.all(this.work);
  }

  private track(work: Promise<void>): void {
    this.work.add(work);
    void work.finally(() => this.work.delete(work));
  }

  private async answer(request: IncomingMessage, response: ServerResponse, proceed: () => void): Promise<void> {
    try {
      await this.route(request, response, proceed);
    } catch (error) {
      this.refuse(error, response);
    }
    discardRest(request);
  }

  private async route(request: IncomingMessage, response: ServerResponse, proceed: () => void): Promise<void> {
    const { urls, put, get, ensureReady } = this.parts;
    const { method, url = '/' } = request;
    if (method === 'PUT') {
      const claims = urls.verify(url, 'put', Date.now());
      ensureReady();
      return putContent(put, claims, request, response, proceed);
    }
    if (method === 'GET' || method === 'HEAD') {
      const claims = urls.verify(url, 'get', Date.now());
      ensureReady();
      return getContent(get, claims, request, response);
    }
    throw new FerryError('METHOD_NOT_ALLOWED', 'invalid', 'Only GET, HEAD and PUT are answered here.');
  }

  private refuse(error: unknown, response: ServerResponse): void {
    const known = error instanceof FerryError;
    if (response.headersSent) {
      // Its length was announced: the reader sees that it is cut off.
      this.parts.logger.warn({ err: error }, 'an answer was broken off');
      response.destroy();
      return;
    }
    if (known) this.parts.logger.info({ code: error.code, details: error.details }, 'a data plane request was refused');
    else this.parts.logger.error({ err: error }, 'a data plane request failed');
    sendProblem(response, known ? error : new FerryError('INTERNAL', 'internal', 'The cache failed in an unexpected way. Its log has the reason.'));
  }
}
