import { AcquireLeaseRequest, LeaseRequest, SUBJECTS } from '@ferry/contracts';
import { FerryError } from '@ferry/kernel';
import { eventually } from '@ferry/testing/specs';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GatewayUnderTest } from '../testing/gateway-under-test';

const ASSET = '11111111-1111-5111-8111-111111111111';
const BYTES = Buffer.from(Array.from({ length: 4_096 }, (_, index) => index % 251));
const ENDLESS_CHUNK = Buffer.alloc(65_536);

let gateway: GatewayUnderTest;
let dataPlane: Server;
let dataUrl: string;
let serve: (request: IncomingMessage, response: ServerResponse) => void;

/** As the cache's data plane answers: GET and HEAD with one range. */
const file = (request: IncomingMessage, response: ServerResponse): void => {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from ?? 0);
  const end = to ? Number(to) : BYTES.length - 1;
  if (start >= BYTES.length) return void response.writeHead(416).end('no such range');
  const range = from === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${BYTES.length}` };
  response.writeHead(from === undefined ? 200 : 206, { 'content-length': end - start + 1, 'content-type': 'video/mp4', ...range });
  response.end(request.method === 'HEAD' ? undefined : BYTES.subarray(start, end + 1));
};

const cachedFile = { assetId: ASSET, nodeId: 'node-1', path: `assets/${ASSET}/a.mp4`, filename: "a 'b'.mp4", sizeBytes: BYTES.length, sha256: 'a'.repeat(64), mimeType: 'video/mp4', kind: 'video' };

beforeAll(async () => {
  dataPlane = createServer((request, response) => serve(request, response)).listen(0, '127.0.0.1');
  await once(dataPlane, 'listening');
  dataUrl = `http://127.0.0.1:${(dataPlane.address() as AddressInfo).port}/files/${ASSET}?sig=secret`;
  gateway = await GatewayUnderTest.start();
  await gateway.answer(SUBJECTS.cache.acquire, AcquireLeaseRequest, ({ owner }) => {
    if (owner !== 'alice') throw new FerryError('NOT_CACHED', 'not-found', 'Not here.');
    return { leaseId: 'lease-1', expiresAt: '2030-01-01T00:00:00.000Z', file: cachedFile, getUrl: dataUrl };
  });
  await gateway.answer(SUBJECTS.cache.release, LeaseRequest, () => ({}));
});
beforeEach(() => {
  serve = file;
  gateway.asked.length = 0;
});
afterAll(async () => {
  await gateway.stop();
  dataPlane.closeAllConnections();
  dataPlane.close();
  await once(dataPlane, 'close');
});

const content = (method: string, headers: Record<string, string> = {}, key?: string, signal?: AbortSignal) =>
  gateway.call(method, `/v1/assets/${ASSET}/content`, { headers, ...(key ? { key } : {}), ...(signal ? { signal } : {}) });
const released = () =>
  eventually(() => expect(gateway.requests(SUBJECTS.cache.release)).toEqual([{ owner: 'alice', actor: 'alice-laptop', leaseId: 'lease-1' }]));

it('streams the bytes and releases the lease', async () => {
  const response = await content('GET');
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'video/mp4',
    'content-length': String(BYTES.length),
    'accept-ranges': 'bytes',
    etag: `"${cachedFile.sha256}"`,
    'content-disposition': "inline; filename*=UTF-8''a%20%27b%27.mp4",
    'x-content-type-options': 'nosniff',
  });
  expect(Buffer.from(await response.arrayBuffer()).equals(BYTES)).toBe(true);
  await released();
});

it('passes a range on', async () => {
  const response = await content('GET', { range: 'bytes=100-199' });
  expect(response.status).toBe(206);
  expect(response.headers.get('content-range')).toBe(`bytes 100-199/${BYTES.length}`);
  expect(Buffer.from(await response.arrayBuffer()).equals(BYTES.subarray(100, 200))).toBe(true);
  await released();
});

it('passes the condition of a range on', async () => {
  let asked: unknown;
  serve = (request, response) => {
    asked = [request.headers.range, request.headers['if-range']];
    file(request, response);
  };
  await (await content('GET', { range: 'bytes=0-1', 'if-range': '"other"' })).arrayBuffer();
  expect(asked).toEqual(['bytes=0-1', '"other"']);
  await released();
});

it('says that a range is past the end', async () => {
  const response = await content('GET', { range: 'bytes=9999-' });
  expect(response.status).toBe(416);
  expect(response.headers.get('content-range')).toBe(`bytes */${BYTES.length}`);
  expect(await response.json()).toMatchObject({ code: 'RANGE_NOT_SATISFIABLE' });
  await released();
});

it('answers HEAD without the bytes', async () => {
  const response = await content('HEAD');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-length')).toBe(String(BYTES.length));
  expect((await response.arrayBuffer()).byteLength).toBe(0);
  await released();
});

it('says how to bring in bytes that are not there', async () => {
  const response = await content('GET', {}, 'bob-key-0123456789');
  expect(response.status).toBe(404);
  const { code, detail } = (await response.json()) as { code: string; detail: string };
  expect(code).toBe('NOT_CACHED');
  expect(detail).toContain('PUT /v1/assets/{id}/provider-urls/{providerId}');
  expect(gateway.requests(SUBJECTS.cache.release)).toEqual([]);
});

it.each([410, 500])('tells no link when the data plane answers %i', async (status) => {
  serve = (_, response) => void response.writeHead(status).end('broken');
  const response = await content('GET');
  expect(response.status).toBe(502);
  const text = await response.text();
  expect(JSON.parse(text)).toMatchObject({ code: 'CACHE_UNREADABLE', details: { status } });
  expect(text).not.toContain('secret');
  await released();
});

it('breaks off when the source does: a cut file never looks whole', async () => {
  serve = (_, response) => {
    response.writeHead(200, { 'content-length': BYTES.length });
    response.write(BYTES.subarray(0, 1_000), () => response.destroy());
  };
  const response = await content('GET');
  await expect(response.arrayBuffer()).rejects.toThrow();
  await released();
});

it('holds the source back while the client does not read, and closes it when the client goes', async () => {
  let sent = 0;
  let full = false;
  let closed = false;
  serve = (_, response) => {
    response.writeHead(200, { 'content-length': 1_000_000_000 });
    response.on('close', () => (closed = true));
    const more = () => {
      while (!closed && sent < 1_000_000_000) {
        sent += ENDLESS_CHUNK.length;
        if (!response.write(ENDLESS_CHUNK)) {
          full = true;
          return void response.once('drain', more);
        }
      }
    };
    more();
  };
  const client = new AbortController();
  const response = await content('GET', {}, undefined, client.signal);
  const reader = response.body!.getReader();
  expect((await reader.read()).done).toBe(false);
  let before = -1;
  await eventually(
    () => {
      const still = sent === before && full;
      before = sent;
      expect(still).toBe(true);
    },
    { everyMs: 200 },
  );
  expect(sent).toBeLessThan(100_000_000);
  client.abort();
  await eventually(() => expect(closed).toBe(true));
  await released();
});
