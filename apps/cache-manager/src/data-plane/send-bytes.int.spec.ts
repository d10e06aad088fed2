import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type FileHandle, open, truncate, writeFile } from 'node:fs/promises';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { tempDir, type TempDir } from '@ferry/testing/specs';
import { LARGE_BYTES } from './send-buffers';
import { sendBytes, type Sending } from './send-bytes';

let folder: TempDir;
let path: string;
let handle: FileHandle;
let server: Server | undefined;

beforeEach(async () => {
  folder = await tempDir('ferry-send-');
  path = join(folder.path, 'file');
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  await handle.close();
  await folder.remove();
});

/** Answers every request with what `sending` says. @returns what became of each answer */
const serve = async (sending: Partial<Sending>, sizeBytes: number) => {
  handle = await open(path, 'r');
  const ended: Promise<string>[] = [];
  server = createServer((_, response) => {
    const all = { handle, start: 0, end: sizeBytes - 1, readable: () => sizeBytes, signal: new AbortController().signal, ...sending };
    response.writeHead(200, { 'content-length': all.end - all.start + 1 });
    ended.push(sendBytes(response, all).then(() => 'sent', (error: { code: string }) => error.code));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ended };
};

const bytesOf = async (url: string): Promise<Buffer> => Buffer.from(await (await fetch(url)).arrayBuffer());

it('sends each byte in its place, to more readers at a time than have large buffers', async () => {
  const content = randomBytes(5 * LARGE_BYTES + 12_345);
  await writeFile(path, content);
  const { url, ended } = await serve({}, content.length);
  const read = await Promise.all(Array.from({ length: 20 }, () => bytesOf(url)));
  expect(read.every((bytes) => bytes.equals(content))).toBe(true);
  expect(new Set(await Promise.all(ended))).toEqual(new Set(['sent']));
});

it('sends a part that begins and ends anywhere', async () => {
  const content = randomBytes(3 * LARGE_BYTES);
  await writeFile(path, content);
  const [start, end] = [LARGE_BYTES - 7, 3 * LARGE_BYTES - 9];
  const { url } = await serve({ start, end }, content.length);
  expect((await bytesOf(url)).equals(content.subarray(start, end + 1))).toBe(true);
});

it('reads on no further than its reader takes', async () => {
  const sizeBytes = 2 ** 30;
  await writeFile(path, '');
  await truncate(path, sizeBytes);
  let furthest = 0;
  const readable = (offset: number): number => {
    furthest = offset;
    return sizeBytes;
  };
  const { url, ended } = await serve({ readable, signal: AbortSignal.timeout(500) }, sizeBytes);
  const [response] = (await once(get(url), 'response')) as [IncomingMessage];
  const broken = once(response, 'error');
  // It takes nothing, until the time is up.
  response.pause();
  expect(await ended[0]).toBe('CONTENT_TRUNCATED');
  response.resume();
  await broken;
  expect(furthest).toBeGreaterThan(0);
  expect(furthest).toBeLessThan(64 * 1024 ** 2);
});

it('ends the answer of a reader that goes away, and of a file that ends early', async () => {
  const content = randomBytes(3 * LARGE_BYTES);
  await writeFile(path, content);
  const { url, ended } = await serve({ end: content.length, readable: () => content.length + 1 }, content.length + 1);
  const [response] = (await once(get(url), 'response')) as [IncomingMessage];
  response.once('error', () => undefined);
  response.destroy();
  expect(await ended[0]).toBe('CONTENT_TRUNCATED');
  const [second] = (await once(get(url), 'response')) as [IncomingMessage];
  second.resume();
  expect(await ended[1]).toBe('CONTENT_TRUNCATED');
});
