import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A host that is not the vendor's API: serves bytes, remembers the headers of every request, or redirects to itself for ever. */
export class OtherHost {
  readonly requests: IncomingHttpHeaders[] = [];
  bytes: Buffer = Buffer.alloc(0);

  private constructor(private readonly server: Server) {}

  static async start(): Promise<OtherHost> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const host = new OtherHost(server);
    server.on('request', (request, response) => {
      host.requests.push(request.headers);
      if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end();
      else response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': host.bytes.length }).end(host.bytes);
    });
    return host;
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
}
