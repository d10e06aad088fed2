import { once } from 'node:events';
import { appendFile, readdir } from 'node:fs/promises';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { eventually } from '@ferry/testing/specs';
import { fixture, MAX_BYTES, problem, problemOf, RunningCache, SECRET, sha256Of } from '../testing/running-cache';
import { SignedUrls, type GetClaims } from './signed-url';

let cache: RunningCache;
let video: Buffer;
beforeAll(async () => {
  cache = await RunningCache.start();
  video = await fixture('pixverse-harbour.mp4');
});
afterAll(() => cache.stop());

/** The head of a WAV file of unknown length: whatever follows is its sound. */
const wave = Buffer.from('RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\xff\xff\xff\xff', 'latin1');

const put = (url: string, body: Buffer, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, { method: 'PUT', body: new Uint8Array(body), headers });

/** In pieces, without an announced length. */
const putChunked = (url: string, body: Buffer): Promise<Response> =>
  fetch(url, { method: 'PUT', body: new Blob([new Uint8Array(body)]).stream(), duplex: 'half' } as RequestInit);

const answerTo = async (outgoing: ClientRequest): Promise<{ status: number; code: string }> => {
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const body = Buffer.concat(await response.toArray()).toString();
  return { status: response.statusCode!, code: (JSON.parse(body) as { code: string }).code };
};

const nothingLeft = async (assetId: string): Promise<void> => {
  await eventually(async () => expect([await cache.temporaryFiles(), (await cache.usage()).reservedBytes]).toEqual([[], 0]));
  expect(await cache.eventTypes(assetId)).toEqual([]);
  expect(await readdir(join(cache.cacheDir, 'assets'))).not.toContain(assetId);
};

describe('PUT', () => {
  it('stores, says so in an event, and answers what the content is', async () => {
    const assetId = await cache.asset();
    const { putUrl, nodeId } = await cache.open(assetId, { filename: '../my harbour.mp4', sizeBytes: video.length });
    const response = await put(putUrl, video);
    const facts = { sizeBytes: video.length, sha256: sha256Of(video), mimeType: 'video/mp4', kind: 'video', width: 1280, height: 720, durationSeconds: 3 };
    const path = `assets/${assetId}/my harbour.mp4`;
    expect([response.status, await response.json()]).toEqual([201, { assetId, nodeId, path, filename: 'my harbour.mp4', ...facts }]);
    const [event, ...others] = await cache.events(assetId);
    expect(event).toMatchObject({ type: 'FileCached', data: { nodeId, personal: { path }, ...facts, downloadId: `${assetId}-1` }, metadata: { owner: 'dev', actor: 'service:cache-manager' } });
    expect(others).toEqual([]);
    expect((await cache.usage()).usedBytes).toBe(await cache.bytesOnDisk());

    const again = await put(putUrl, video);
    expect([again.status, await again.json()]).toMatchObject([200, { assetId, path }]);
    expect(await cache.eventTypes(assetId)).toEqual(['FileCached']);
  });

  it('takes a body without an announced length', async () => {
    const { putUrl } = await cache.open(await cache.asset());
    expect((await putChunked(putUrl, video)).status).toBe(201);
  });

  it.each<[string, (video: Buffer) => Buffer, object, [number, string]]>([
    ['an HTML page', () => Buffer.from('<!doctype html><title>Bad gateway</title>'), {}, [422, 'CONTENT_NOT_MEDIA']],
    ['a video cut short', (whole) => whole.subarray(0, whole.length - 1), {}, [422, 'CONTENT_TRUNCATED']],
    ['nothing', () => Buffer.alloc(0), {}, [422, 'CONTENT_TRUNCATED']],
    ['a video where an image belongs', (whole) => whole, { kind: 'image' }, [422, 'CONTENT_KIND_MISMATCH']],
    ['other content than is known', (whole) => whole, { sha256: 'a'.repeat(64) }, [409, 'CONTENT_CHANGED']],
    ['other content than is known, of another length', (whole) => whole, { sha256: 'a'.repeat(64), sizeBytes: 1_000 }, [409, 'CONTENT_CHANGED']],
    ['a page instead of the content that is known', () => Buffer.from('<!doctype html>'), { sha256: 'a'.repeat(64), sizeBytes: 1_000 }, [422, 'CONTENT_NOT_MEDIA']],
  ])('refuses %s and leaves nothing behind', async (_, bodyOf, options, [status, code]) => {
    const assetId = await cache.asset();
    const { putUrl } = await cache.open(assetId, options);
    expect(await problemOf(await put(putUrl, bodyOf(video)))).toEqual(problem(status, code));
    await nothingLeft(assetId);
    expect(await problemOf(await put(putUrl, video))).toEqual(problem(410, 'PUT_USED'));
  });

  it('refuses a body of another length than announced: by its header, by one byte too much, by one too few', async () => {
    const assetId = await cache.asset();
    const open = async (attempt: number) => (await cache.open(assetId, { attempt, sizeBytes: video.length })).putUrl;
    expect(await problemOf(await put(await open(1), video.subarray(1)))).toEqual(problem(422, 'CONTENT_LENGTH_MISMATCH'));
    expect(await problemOf(await putChunked(await open(2), Buffer.concat([video, Buffer.from('x')])))).toEqual(problem(422, 'CONTENT_LENGTH_MISMATCH'));
    expect(await problemOf(await putChunked(await open(3), video.subarray(0, -1)))).toEqual(problem(422, 'CONTENT_TRUNCATED'));
    await nothingLeft(assetId);
  });

  it('leaves nothing of a body whose sender goes away', async () => {
    const assetId = await cache.asset();
    const { putUrl } = await cache.open(assetId);
    const outgoing = request(putUrl, { method: 'PUT', headers: { 'content-length': video.length } });
    outgoing.write(video.subarray(0, 100_000));
    await eventually(async () => expect((await cache.temporaryFiles()).length).toBe(1));
    const closed = new Promise((resolve) => outgoing.once('error', resolve));
    outgoing.destroy(new Error('the sender goes away'));
    await closed;
    await nothingLeft(assetId);
  });

  it('gives a newer attempt the room of the one that it broke off', async () => {
    const assetId = await cache.asset();
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      const { putUrl } = await cache.open(assetId, { epoch: 1, attempt });
      // Of unknown length: it takes all the room that there is.
      const outgoing = request(putUrl, { method: 'PUT' });
      outgoing.once('error', () => outgoing.destroy());
      outgoing.write(video.subarray(0, 100_000));
      await eventually(async () => expect((await cache.usage()).reservedBytes).toBeGreaterThan(MAX_BYTES / 2));
    }
    const { putUrl } = await cache.open(assetId, { epoch: 1, attempt: 6 });
    expect((await put(putUrl, video)).status).toBe(201);
  });

  it('breaks an attempt off when a newer one begins, and refuses it from then on', async () => {
    const assetId = await cache.asset();
    const { putUrl: older } = await cache.open(assetId, { epoch: 1, attempt: 2 });
    const outgoing = request(older, { method: 'PUT', headers: { 'content-length': video.length } });
    outgoing.write(video.subarray(0, 100_000));
    await eventually(async () => expect((await cache.temporaryFiles()).length).toBe(1));
    const { putUrl: newer } = await cache.open(assetId, { epoch: 2, attempt: 1 });
    expect(await answerTo(outgoing)).toEqual({ status: 410, code: 'PUT_SUPERSEDED' });
    outgoing.destroy();
    await nothingLeft(assetId);
    expect(await problemOf(await put(older, video))).toEqual(problem(410, 'PUT_SUPERSEDED'));
    await expect(cache.open(assetId, { epoch: 1, attempt: 3 })).rejects.toMatchObject({ code: 'PUT_SUPERSEDED', category: 'conflict' });
    expect((await put(newer, video)).status).toBe(201);
  });

  it('keeps the file that is there when a late attempt brings other content, whatever that one expected', async () => {
    const assetId = await cache.asset();
    const other = await fixture('sora-lighthouse.mp4');
    const { putUrl: late } = await cache.open(assetId, { attempt: 1, sha256: sha256Of(other) });
    const { putUrl } = await cache.open(assetId, { attempt: 2 });
    expect((await put(putUrl, video)).status).toBe(201);
    expect(await problemOf(await put(late, other))).toEqual(problem(409, 'CONTENT_CHANGED'));
    const { getUrl } = await cache.lease(assetId);
    expect(Buffer.from(await (await fetch(getUrl)).arrayBuffer()).equals(video)).toBe(true);
    expect(await cache.eventTypes(assetId)).toEqual(['FileCached']);
  });

  it('refuses what has no room before it is sent, where the sender waits for it', async () => {
    const { putUrl } = await cache.open(await cache.asset());
    const outgoing = request(putUrl, { method: 'PUT', headers: { 'content-length': MAX_BYTES + 1, expect: '100-continue' } });
    let told = false;
    outgoing.once('continue', () => (told = true));
    outgoing.flushHeaders();
    expect(await answerTo(outgoing)).toEqual({ status: 413, code: 'EXCEEDS_CACHE' });
    expect(told).toBe(false);
    outgoing.destroy();
  });

  it('tells a waiting sender to go on where there is room', async () => {
    const { putUrl } = await cache.open(await cache.asset());
    const outgoing = request(putUrl, { method: 'PUT', headers: { 'content-length': video.length, expect: '100-continue' } });
    outgoing.flushHeaders();
    await once(outgoing, 'continue');
    outgoing.end(video);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(201);
  });
});

describe('GET and HEAD', () => {
  it('answers the whole file and any one range of it, exactly', async () => {
    const { assetId, sha256 } = await cache.cached(video);
    const { getUrl } = await cache.lease(assetId);
    const whole = await fetch(getUrl);
    expect(Buffer.from(await whole.arrayBuffer()).equals(video)).toBe(true);
    expect(Object.fromEntries(whole.headers)).toMatchObject({ 'content-type': 'video/mp4', 'content-length': String(video.length), etag: `"${sha256}"`, 'accept-ranges': 'bytes' });

    for (const headers of [{}, { range: 'bytes=0-9' }]) {
      const head = await fetch(getUrl, { method: 'HEAD', headers });
      expect([head.status, head.headers.get('content-length'), head.headers.get('content-type')]).toEqual([200, String(video.length), 'video/mp4']);
    }

    const last = video.length - 1;
    for (const [range, start, end] of [['bytes=0-0', 0, 0], ['bytes=100-199', 100, 199], [`bytes=${last}-`, last, last], ['bytes=-10', last - 9, last], [`bytes=5-${last + 9}`, 5, last]] as const) {
      const part = await fetch(getUrl, { headers: { range } });
      expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes ${start}-${end}/${video.length}`]);
      expect(Buffer.from(await part.arrayBuffer()).equals(video.subarray(start, end + 1))).toBe(true);
    }
    const beyond = await fetch(getUrl, { headers: { range: `bytes=${video.length}-` } });
    expect(beyond.headers.get('content-range')).toBe(`bytes */${video.length}`);
    expect(await problemOf(beyond)).toEqual(problem(416, 'RANGE_NOT_SATISFIABLE'));
    expect((await fetch(getUrl, { headers: { range: 'bytes=0-1', 'if-range': '"other"' } })).status).toBe(200);
    expect((await fetch(getUrl, { headers: { range: 'bytes=0-1,5-6' } })).status).toBe(200);
  });

  it('answers who has the file already without it, and a range only of the file that its reader knows', async () => {
    const { assetId, sha256 } = await cache.cached(video);
    const { getUrl } = await cache.lease(assetId);
    const ask = async (headers: Record<string, string>, method = 'GET') => {
      const response = await fetch(getUrl, { method, headers });
      const { byteLength } = await response.arrayBuffer();
      return [response.status, byteLength, response.headers.get('etag')];
    };
    const etag = `"${sha256}"`;
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      expect(await ask({ 'if-none-match': known })).toEqual([304, 0, etag]);
      expect(await ask({ 'if-none-match': known, range: 'bytes=0-9' })).toEqual([304, 0, etag]);
    }
    expect(await ask({ 'if-none-match': etag }, 'HEAD')).toEqual([304, 0, etag]);
    for (const other of ['"other"', sha256]) expect(await ask({ 'if-none-match': other })).toEqual([200, video.length, etag]);

    expect(await ask({ 'if-range': etag, range: 'bytes=0-9' })).toEqual([206, 10, etag]);
    expect(await ask({ 'if-range': etag, range: 'Bytes=0-9' })).toEqual([206, 10, etag]);
    for (const other of [`W/${etag}`, 'Mon, 05 Jan 2026 10:00:00 GMT']) expect(await ask({ 'if-range': other, range: 'bytes=0-9' })).toEqual([200, video.length, etag]);
    for (const ignored of ['bytes=9-0', 'bytes=-', 'bytes=a-b', 'items=0-9', 'bytes=0-1,-1']) expect(await ask({ range: ignored })).toEqual([200, video.length, etag]);
    expect(await ask({ range: `bytes=-${video.length + 9}` })).toEqual([206, video.length, etag]);
    expect((await ask({ range: 'bytes=-0' }))[0]).toBe(416);
  });

  it('never serves a file that was changed behind our back, and says so once in an event', async () => {
    const { assetId, path } = await cache.cached(video);
    const { getUrl } = await cache.lease(assetId);
    await appendFile(join(cache.cacheDir, path), 'x');
    const both = await Promise.all([fetch(getUrl), fetch(getUrl)]);
    expect((await Promise.all(both.map(problemOf))).map(({ code }) => code)).toContain('FILE_DAMAGED');
    expect(both.every(({ status }) => status === 410 || status === 404)).toBe(true);
    expect(await problemOf(await fetch(getUrl))).toEqual(problem(404, 'NOT_CACHED'));
    await expect(cache.lease(assetId)).rejects.toMatchObject({ code: 'NOT_CACHED' });
    expect(await cache.eventTypes(assetId)).toEqual(['FileCached', 'FileCorrupted']);
    const { putUrl } = await cache.open(assetId, { run: 2 });
    expect((await put(putUrl, video)).status).toBe(201);
  });
});

describe('addresses', () => {
  it('are good for one asset, one operation and their time, as they were signed', async () => {
    const { assetId } = await cache.cached(video);
    const other = await cache.cached(video);
    const { getUrl } = await cache.lease(assetId);
    const base = new URL(getUrl).origin;
    const claims: GetClaims = { operation: 'get', assetId, owner: 'dev', expiresAt: Date.now() + 60_000, run: 'r' };
    const signedWith = (secret: string, changed: Partial<GetClaims> = {}): string => new SignedUrls(() => base, [secret]).sign({ ...claims, ...changed });
    const answer = async (url: string, method = 'GET') => problemOf(await fetch(url, { method }));

    expect((await fetch(signedWith(SECRET))).status).toBe(200);
    expect((await fetch(signedWith('another-secret-of-at-least-32-characters'))).status).toBe(200);
    expect(await answer(signedWith('a-secret-that-is-not-one-of-this-cache'))).toEqual(problem(403, 'URL_INVALID'));
    expect(await answer(signedWith(SECRET, { expiresAt: Date.now() - 1 }))).toEqual(problem(403, 'URL_EXPIRED'));
    expect(await answer(signedWith(SECRET, { owner: 'other' }))).toEqual(problem(404, 'NOT_CACHED'));
    expect(await answer(getUrl.replace(assetId, other.assetId))).toEqual(problem(403, 'URL_INVALID'));
    expect(await answer(getUrl.slice(0, -1))).toEqual(problem(403, 'URL_INVALID'));
    expect(await answer(getUrl.replace('claims=e', 'claims=f'))).toEqual(problem(403, 'URL_INVALID'));
    expect(await answer(getUrl, 'PUT')).toEqual(problem(403, 'URL_INVALID'));
    expect(await answer(getUrl.split('?')[0]!)).toEqual(problem(403, 'URL_INVALID'));
    expect(await answer(getUrl, 'DELETE')).toEqual(problem(405, 'METHOD_NOT_ALLOWED'));
    expect((await fetch(getUrl, { method: 'DELETE' })).headers.get('allow')).toBe('GET, HEAD, PUT');
    expect(await answer(`${base}//`)).toEqual(problem(404, 'NOT_FOUND'));
    expect(await answer(`${base}/v1/data/..%2f..%2fetc%2fpasswd`)).toEqual(problem(404, 'NOT_FOUND'));
  });
});

describe('the budget', () => {
  it('is never exceeded by senders at the same time, and each gets the whole or a refusal', async () => {
    let sending = true;
    let highest = 0;
    const sampled = (async () => {
      while (sending) highest = Math.max(highest, await cache.bytesAtOnce());
    })();
    const bodies = Array.from({ length: 12 }, (_, index) => Buffer.concat([wave, Buffer.alloc(300_000 + index)]));
    const answers = await Promise.all(
      bodies.map(async (body, index) => {
        const { putUrl } = await cache.open(await cache.asset(`owner-${index}`), { owner: `owner-${index}`, kind: 'audio' });
        const response = await (index % 2 ? put : putChunked)(putUrl, body);
        return response.status === 201 ? '201' : (await problemOf(response)).code;
      }),
    );
    sending = false;
    await sampled;
    expect(new Set(answers)).toEqual(new Set(['201', 'CACHE_FULL']));
    expect(highest).toBeLessThanOrEqual(MAX_BYTES);
    expect(await cache.usage()).toMatchObject({ usedBytes: await cache.bytesOnDisk(), reservedBytes: 0 });
  });
});
