import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

/** The first bytes of HTTP/2: no method of HTTP/1.1 begins so. */
const HTTP2_START = Buffer.from('PRI');
const FIRST_BYTES_WITHIN_MS = 10_000;

/** Takes connections that its first bytes tell apart. */
export interface Listener {
  readonly port: number;
  /** Takes no more, and ends those that are open. */
  close(): void;
}

/** Listens on one port for gRPC and HTTP/1.1, as the real server does. */
export async function listen(host: string, port: number, onHttp2: (socket: Socket) => void, onHttp1: (socket: Socket) => void): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    tellApart(socket, (isHttp2) => (isHttp2 ? onHttp2 : onHttp1)(socket));
  });
  server.listen(port, host);
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

function tellApart(socket: Socket, found: (isHttp2: boolean) => void): void {
  const silent = setTimeout(() => socket.destroy(), FIRST_BYTES_WITHIN_MS);
  const gone = (): void => {
    socket.destroy();
  };
  const peek = (): void => {
    const start = socket.read(HTTP2_START.length) as Buffer | null;
    if (!start) return;
    clearTimeout(silent);
    socket.off('readable', peek).off('error', gone).off('close', clear);
    socket.unshift(start);
    found(start.equals(HTTP2_START));
  };
  const clear = (): void => clearTimeout(silent);
  socket.on('readable', peek).on('error', gone).on('close', clear);
}
