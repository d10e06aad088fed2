import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sha256 } from './media-file';

export interface ReceivedPut {
  readonly announced: string | undefined;
  readonly mimeType: string | undefined;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** The other end of a job's bytes, as the cache's data plane answers it. */
export class DataPlanePeer {
  /** What a GET gives. */
  file: Buffer = Buffer.alloc(0);
  /** Breaks the connection of a GET off after so many bytes. */
  breakAfter: number | undefined;
  /** A problem to answer PUTs with instead of taking them. */
  refusal: { readonly status: number; readonly code: string } | undefined;
  readonly puts: ReceivedPut[] = [];
  brokenPuts = 0;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<DataPlanePeer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const peer = new DataPlanePeer(server);
    server.on('request', (request, response) => {
      if (request.method === 'GET') peer.get(response);
      else void peer.put(request, response);
    });
    return peer;
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private get(response: ServerResponse): void {
    response.writeHead(200, { 'content-length': this.file.length });
    if (this.breakAfter === undefined) response.end(this.file);
    else response.write(this.file.subarray(0, this.breakAfter), () => response.destroy());
  }

  private async put(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.refusal) {
      const { status, code } = this.refusal;
      response.writeHead(status, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ status, code, detail: `refused: see http://${this.host}/secret` }));
      request.resume();
      return;
    }
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch {
      // Node's error for a body that ended before its length or last chunk.
      this.brokenPuts += 1;
      return;
    }
    const bytes = Buffer.concat(chunks);
    const { 'content-length': announced, 'content-type': mimeType } = request.headers;
    this.puts.push({ announced, mimeType, sizeBytes: bytes.length, sha256: sha256(bytes) });
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ assetId: 'a', sizeBytes: bytes.length, sha256: sha256(bytes) }));
  }
}
