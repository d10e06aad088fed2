import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { get, request, type IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { randomUUID } from 'node:crypto';
import { tempDir, type TempDir } from '@ferry/testing/specs';
import { fixturePath } from './fixtures';
import { startSimulator, type Simulator, type StoredObject } from './index';

const HARBOUR = 'pixverse-harbour.mp4';

/** All that comes, and how the connection ended. */
const readUp = async (answer: IncomingMessage): Promise<{ bytes: Buffer; broken?: string }> => {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    return { bytes: Buffer.concat(chunks) };
  } catch (error) {
    return { bytes: Buffer.concat(chunks), broken: (error as NodeJS.ErrnoException).code ?? '' };
  }
};

describe('the faults of the provider simulator', () => {
  let directory: TempDir;
  let simulator: Simulator;
  let harbour: Buffer;
  let url: string;
  beforeAll(async () => {
    directory = await tempDir('ferry-simulator-');
    simulator = await startSimulator({ dataDir: directory.path });
    harbour = await readFile(fixturePath(HARBOUR));
    url = (await seed({ provider: 'pixverse', fixture: HARBOUR })).url;
  });
  afterAll(async () => {
    await simulator.close();
    await directory.remove();
  });
  beforeEach(() => control('DELETE', 'faults'));

  const control = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const init = body ? { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : { method };
    return (await (await fetch(`${simulator.controlUrl}/${path}`, init)).json()) as T;
  };
  const seed = (body: object) => control<{ url: string; sizeBytes: number; id: string }>('POST', 'seed', body);
  const download = (members: object) => control('POST', 'faults', { provider: 'pixverse', operation: 'media-download', ...members });
  const open = async (address = url): Promise<IncomingMessage> => ((await once(get(address, { agent: false }), 'response')) as [IncomingMessage])[0];
  const upload = async (key: string): Promise<Response> => {
    const body = new FormData();
    body.append('file', new Blob([new Uint8Array(harbour)]), HARBOUR);
    return fetch(`${simulator.pixverseUrl}/media/upload`, { method: 'POST', headers: { 'API-KEY': key, 'Ai-trace-id': randomUUID() }, body });
  };
  const uploads = async (): Promise<number> => (await control<{ objects: StoredObject[] }>('GET', 'objects')).objects.filter(({ type }) => type === 'media').length;

  it.each([0, 1, 100_000])('breaks off after %i bytes', async (bytes) => {
    await download({ truncateAt: bytes, times: 1 });
    expect(await readUp(await open())).toEqual({ bytes: harbour.subarray(0, bytes), broken: 'ECONNRESET' });
  });

  it.each([0, 1, 100_000])('resets the connection after %i bytes, of which not all need arrive', async (bytes) => {
    await download({ resetAt: bytes, times: 1 });
    await expect(fetch(url).then((answer) => answer.arrayBuffer())).rejects.toThrow();
  });

  it('sends so many bytes and then nothing', async () => {
    await download({ stallAt: 1_000, times: 1 });
    const answer = await open();
    let got = 0;
    while (got < 1_000) got += ((await once(answer, 'data')) as [Buffer])[0].length;
    expect([got, answer.complete]).toEqual([1_000, false]);
    answer.destroy();
  });

  it('packs, halves, and says other lengths and types', async () => {
    await download({ gzip: true, times: 1 });
    const packed = await open();
    expect([packed.headers['content-encoding'], packed.headers['content-length']]).toEqual(['gzip', undefined]);
    expect(gunzipSync((await readUp(packed)).bytes).equals(harbour)).toBe(true);
    await download({ partial: true, contentType: 'text/plain', times: 1 });
    const half = await open();
    expect([half.statusCode, half.headers['content-type']]).toEqual([206, 'text/plain']);
    expect((await readUp(half)).bytes).toHaveLength(Math.ceil(harbour.length / 2));
    await download({ announce: 10, headerBytes: 2_000, times: 1 });
    const longer = await open();
    expect([longer.headers['content-length'], (longer.headers['x-filler'] as string).length]).toEqual(['10', 2_000]);
    longer.destroy();
  });

  it('resets instead of an answer, and answers without an end', async () => {
    await download({ reset: true, times: 1 });
    await expect(open()).rejects.toMatchObject({ code: 'ECONNRESET' });
    await download({ endless: true, times: 1 });
    const answer = await open();
    let got = 0;
    while (got < 5_000_000) got += ((await once(answer, 'data')) as [Buffer])[0].length;
    answer.destroy();
    expect(answer.headers['content-length']).toBeUndefined();
  });

  it('is for one path or key alone, and counts the calls that met it', async () => {
    const other = await seed({ provider: 'pixverse', fixture: HARBOUR });
    await download({ path: new URL(other.url).pathname.split('/').at(-1), status: 503, name: 'other' });
    await control('POST', 'faults', { provider: 'pixverse', operation: 'media-upload', key: 'one', rawBody: '{', afterBody: true, name: 'one' });
    expect([(await open()).statusCode, (await open(other.url)).statusCode, (await open(other.url)).statusCode]).toEqual([200, 503, 503]);
    const before = await uploads();
    expect([await (await upload('one')).text(), (await upload('two')).status, (await uploads()) - before]).toEqual(['{', 200, 1]);
    expect(await control('GET', 'faults')).toMatchObject({ calls: { other: 2, one: 1 } });
  });

  it('keeps a file whose answer is lost, and none of which only a part came', async () => {
    const before = await uploads();
    await control('POST', 'faults', { provider: 'pixverse', operation: 'media-upload', loseAnswer: true, times: 1 });
    await expect(upload('k')).rejects.toThrow();
    expect((await uploads()) - before).toBe(1);
    await control('POST', 'faults', { provider: 'pixverse', operation: 'media-upload', resetAt: 1_000, times: 1 });
    const sending = request(`${simulator.pixverseUrl}/media/upload`, {
      method: 'POST',
      headers: { 'API-KEY': 'k', 'Ai-trace-id': randomUUID(), 'content-type': 'multipart/form-data; boundary=b' },
    });
    sending.end(`--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n${'a'.repeat(2_000)}\r\n--b--\r\n`);
    await expect(once(sending, 'response')).rejects.toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) as string });
    expect((await uploads()) - before).toBe(1);
  });

  it('keeps the zeros of an upload as all its other bytes', async () => {
    const content = Buffer.concat([harbour, Buffer.alloc(300_000), Buffer.from('between'), Buffer.alloc(200_000)]);
    const body = new FormData();
    body.append('purpose', 'vision');
    body.append('file', new Blob([new Uint8Array(content)]), HARBOUR);
    const headers = { authorization: 'Bearer k' };
    const { id } = (await (await fetch(`${simulator.openaiUrl}/files`, { method: 'POST', headers, body })).json()) as { id: string };
    const answer = await fetch(`${simulator.openaiUrl}/files/${id}/content`, { headers });
    expect(Buffer.from(await answer.arrayBuffer()).equals(content)).toBe(true);
  });

  it('seeds videos with free space that takes no room', async () => {
    const { url: address, sizeBytes } = await seed({ provider: 'pixverse', fixture: HARBOUR, freeBytes: 3_000_000 });
    const { bytes } = await readUp(await open(address));
    expect([sizeBytes, bytes.length]).toEqual([harbour.length + 3_000_000, harbour.length + 3_000_000]);
    expect([bytes.readUInt32BE(harbour.length), bytes.toString('latin1', harbour.length + 4, harbour.length + 8), bytes.at(-1)]).toEqual([3_000_000, 'free', 0]);
  });
});
