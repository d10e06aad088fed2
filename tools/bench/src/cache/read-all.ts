import { once } from 'node:events';
import { connect } from 'node:net';

const BUFFER_BYTES = 4 * 1024 * 1024;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** Reads a whole answer as cheaply as this process can: into one buffer, of which nothing is kept. @returns seconds */
export async function readAll(url: string, sizeBytes: number): Promise<number> {
  const { hostname, port, pathname, search } = new URL(url);
  const started = performance.now();
  let head = Buffer.alloc(0);
  let body = -1;
  const callback = (length: number, buffer: Uint8Array): boolean => {
    if (body >= 0) body += length;
    else {
      head = Buffer.concat([head, buffer.subarray(0, length)]);
      const end = head.indexOf(END_OF_HEAD);
      if (end >= 0) body = head.length - end - END_OF_HEAD.length;
    }
    return true;
  };
  const socket = connect({ host: hostname, port: Number(port), onread: { buffer: Buffer.allocUnsafeSlow(BUFFER_BYTES), callback } });
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nconnection: close\r\n\r\n`);
  socket.resume();
  await once(socket, 'close');
  const status = head.subarray(0, head.indexOf('\r\n')).toString();
  if (!status.includes(' 200 ') || body !== sizeBytes) throw new Error(`${url}: ${status}, ${body} bytes`);
  return (performance.now() - started) / 1000;
}
