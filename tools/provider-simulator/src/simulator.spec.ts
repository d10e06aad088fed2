import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually, spawnTs, tempDir, type TempDir } from '@ferry/testing/specs';
import { fixturePath } from './fixtures';
import { startSimulator, type Counts, type Simulator, type StoredObject } from './index';

const HARBOUR = 'pixverse-harbour.mp4';

describe('the provider simulator', () => {
  let directory: TempDir;
  let simulator: Simulator;
  beforeAll(async () => {
    directory = await tempDir('ferry-simulator-');
    simulator = await startSimulator({ dataDir: directory.path });
  });
  afterAll(async () => {
    await simulator.close();
    await directory.remove();
  });
  beforeEach(async () => {
    await control('DELETE', 'counters');
    await control('DELETE', 'faults');
  });

  const json = async <T>(response: Response): Promise<T> => (await response.json()) as T;
  const control = async <T>(method: string, path: string, body?: object): Promise<T> =>
    json<T>(await fetch(`${simulator.controlUrl}/${path}`, body ? { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : { method }));
  const counts = async (provider: string): Promise<Counts> => (await control<Record<string, Counts>>('GET', 'counters'))[provider]!;
  const pixverseHeaders = (key = 'k') => ({ 'API-KEY': key, 'Ai-trace-id': randomUUID() });
  const pixverse = async (path: string, init: RequestInit = {}) =>
    json<{ ErrCode: number; Resp: Record<string, unknown> | null }>(await fetch(`${simulator.pixverseUrl}${path}`, { headers: pixverseHeaders(), ...init }));
  const openai = (path: string, init: RequestInit = {}) =>
    fetch(`${simulator.openaiUrl}${path}`, { ...init, headers: { authorization: 'Bearer k', ...(init.headers as Record<string, string>) } });
  const form = async (fields: Record<string, string>, field: string, name = HARBOUR): Promise<FormData> => {
    const data = new FormData();
    for (const [key, value] of Object.entries(fields)) data.append(key, value);
    data.append(field, new Blob([new Uint8Array(await readFile(fixturePath(name)))]), name);
    return data;
  };
  const stored = async () => (await control<{ objects: StoredObject[] }>('GET', 'objects')).objects;

  it('wants a key and a trace id of its own with every PixVerse call', async () => {
    const headers = pixverseHeaders();
    const result = (given: Record<string, string>) => pixverse('/video/result/1', { headers: given });
    expect(await result({ 'Ai-trace-id': randomUUID() })).toMatchObject({ ErrCode: 400012 });
    expect(await result({ 'API-KEY': 'k' })).toMatchObject({ ErrCode: 400011 });
    expect(await result(headers)).toMatchObject({ ErrCode: 500008, Resp: null });
    expect(await result(headers)).toMatchObject({ ErrCode: 400017 });
  });

  it('wants a bearer with every OpenAI call, and refuses calls that nobody planned, in the vendor’s form', async () => {
    const unauthorized = await fetch(`${simulator.openaiUrl}/files/file_1`);
    expect([unauthorized.status, await unauthorized.json()]).toMatchObject([401, { error: { code: 'invalid_api_key', type: 'authentication_error' } }]);
    const unplanned = await openai('/assistants');
    expect([unplanned.status, await unplanned.json()]).toMatchObject([404, { error: { type: 'invalid_request_error' } }]);
    expect(await pixverse('/video/delete')).toMatchObject({ ErrCode: 99999 });
    expect(await counts('openai')).toMatchObject({ requests: 2, unplanned: 1 });
    expect(await counts('pixverse')).toMatchObject({ requests: 1, unplanned: 1 });
  });

  it('writes ids as numbers that a double cannot hold', async () => {
    const response = await fetch(`${simulator.pixverseUrl}/media/upload`, { method: 'POST', headers: pixverseHeaders(), body: await form({}, 'file') });
    const id = /"media_id":(\d+),/.exec(await response.text())![1]!;
    expect(id).toMatch(/^\d{16}$/);
    expect(String(Number(id))).not.toBe(id);
    expect((await stored()).map((object) => object.id)).toContain(id);
  });

  it.each([
    ['a link instead of a file', { file_url: 'https://example.com' }, 'file', HARBOUR, 400017],
    ['another field', {}, 'media', HARBOUR, 400011],
    ['a picture as media', {}, 'file', 'fixture.png', 400017],
  ])('PixVerse refuses %s and keeps nothing', async (_name, fields, field, name, ErrCode) => {
    const before = await stored();
    expect(await pixverse('/media/upload', { method: 'POST', body: await form(fields, field, name) })).toMatchObject({ ErrCode });
    expect(await stored()).toEqual(before);
    expect(await readdir(join(directory.path, 'blobs'))).toHaveLength(before.length);
  });

  it('keeps nothing of a body that breaks off', async () => {
    const before = await stored();
    const { port } = new URL(simulator.pixverseUrl);
    const socket = connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`POST /pixverse/openapi/v2/media/upload HTTP/1.1\r\nHost: x\r\nAPI-KEY: k\r\nAi-trace-id: ${randomUUID()}\r\n`);
    socket.write('Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc');
    await eventually(async () => expect(await readdir(join(directory.path, 'blobs'))).toHaveLength(before.length + 1));
    socket.destroy();
    await eventually(async () => {
      expect(await counts('pixverse')).toMatchObject({ open: 0, aborted: 1, uploads: 0 });
      expect(await readdir(join(directory.path, 'blobs'))).toHaveLength(before.length);
    });
    expect(await stored()).toEqual(before);
  });

  it('makes a video from a character that it knows, for one hour, and shows uploads to their own key only', async () => {
    const character = await json<{ id: string }>(await openai('/videos/characters', { method: 'POST', body: await form({ name: 'harbour' }, 'video') }));
    const create = (id: string, key = 'k') =>
      openai('/videos', { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: JSON.stringify({ prompt: 'A ship.', characters: [{ id }] }) });
    expect((await create('char_unknown')).status).toBe(404);
    expect((await create(character.id, 'stranger')).status).toBe(404);
    const video = await json<{ id: string; status: string }>(await create(character.id));
    expect(video.status).toBe('in_progress');
    await eventually(async () => expect(await (await openai(`/videos/${video.id}`)).json()).toMatchObject({ status: 'completed', error: null }));
    const content = await openai(`/videos/${video.id}/content`);
    expect((await readFile(fixturePath('sora-lighthouse.mp4'))).equals(Buffer.from(await content.arrayBuffer()))).toBe(true);
    await control('POST', 'clock', { advanceMs: 3_600_001 });
    expect((await openai(`/videos/${video.id}/content`)).status).toBe(404);
  });

  it.each([
    [{ purpose: 'holiday' }, 400],
    [{ purpose: 'vision', 'expires_after[anchor]': 'created_at', 'expires_after[seconds]': '3599' }, 400],
    [{ purpose: 'vision', 'expires_after[anchor]': 'created_at', 'expires_after[seconds]': '3600' }, 200],
  ])('answers a file with %j with %i', async (fields, status) => {
    expect((await openai('/files', { method: 'POST', body: await form(fields, 'file', 'fixture.png') })).status).toBe(status);
  });

  it('deletes files', async () => {
    const { id } = await json<{ id: string }>(await openai('/files', { method: 'POST', body: await form({ purpose: 'vision' }, 'file', 'fixture.png') }));
    expect(await (await openai(`/files/${id}`, { method: 'DELETE' })).json()).toEqual({ id, object: 'file', deleted: true });
    expect((await openai(`/files/${id}/content`)).status).toBe(404);
  });

  it('does what a fault says as often as it says', async () => {
    await control('POST', 'faults', { provider: 'pixverse', operation: 'video-result', status: 429, retryAfter: '2', times: 1 });
    const first = await fetch(`${simulator.pixverseUrl}/video/result/1`, { headers: pixverseHeaders() });
    expect([first.status, first.headers.get('retry-after')]).toEqual([429, '2']);
    expect((await fetch(`${simulator.pixverseUrl}/video/result/1`, { headers: pixverseHeaders() })).status).toBe(200);
  });

  it.each([
    ['faults', { provider: 'pixverse', operation: 'nothing' }, /No such provider and operation/],
    ['faults', { provider: 'pixverse', operation: 'video-result', explode: true }, /no member "explode"/],
    ['faults', { provider: 'pixverse', operation: 'video-result', status: '500' }, /"status" must be a whole number/],
    ['seed', { provider: 'pixverse', fixture: '../../../package.json' }, /no name of a fixture/],
    ['seed', { provider: 'openai', kind: 'audio', fixture: 'pixverse-voice.mp3' }, /pixverse video, audio or image, or an openai video/],
    ['clock', { advanceMs: -1 }, /must be a whole number above 0/],
    ['nothing', {}, /No such control call/],
  ])('refuses the control call %s %j', async (path, body, message) => {
    expect(await control<{ error: string }>('POST', path, body)).toEqual({ error: expect.stringMatching(message) as string });
  });

  it('goes on after a restart, and says that its port is taken', async () => {
    const data = await tempDir('ferry-simulator-');
    const main = 'tools/provider-simulator/src/main.ts';
    const first = spawnTs(main, ['--data', data.path]);
    const [, url] = await first.waitForLine(/control=(\S+)/, 10_000);
    const seeded = await json<{ id: string; url: string }>(
      await fetch(`${url}/seed`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ provider: 'pixverse', fixture: HARBOUR }) }),
    );
    const { port } = new URL(url!);
    const second = spawnTs(main, ['--data', data.path, '--port', port]);
    expect((await second.exited).code).toBe(1);
    expect(second.output()).toBe('The port of the provider simulator is taken. Give another one with --port, or 0 for any.\n');
    expect(await first.kill()).toEqual({ code: 0, signal: null });

    const third = spawnTs(main, ['--data', data.path, '--port', port]);
    await third.waitForLine(/ready/, 10_000);
    expect((await readFile(fixturePath(HARBOUR))).equals(Buffer.from(await (await fetch(seeded.url)).arrayBuffer()))).toBe(true);
    await third.kill();
    await data.remove();
  });

  it('shows how it is called where it is called wrongly', async () => {
    const wrong = spawnTs('tools/provider-simulator/src/main.ts', ['--port', '70000']);
    expect((await wrong.exited).code).toBe(1);
    expect(wrong.output()).toMatch(/^Usage: provider-simulator/);
  });
});
