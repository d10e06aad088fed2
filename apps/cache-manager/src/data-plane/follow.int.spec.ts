import { once } from 'node:events';
import { get, request, type ClientRequest, type IncomingMessage } from 'node:http';
import { eventually } from '@ferry/testing/specs';
import { SUBJECTS, type FollowDownloadAnswer } from '@ferry/contracts';
import { downloadIdOf } from '@ferry/kernel';
import { fixture, NODE_ID, problem, problemOf, RunningCache, type OpenOptions } from '../testing/running-cache';

let cache: RunningCache;
let video: Buffer;
beforeAll(async () => {
  cache = await RunningCache.start();
  video = await fixture('pixverse-harbour.mp4');
});
afterAll(() => cache.stop());

/** Enough for the index of the fixture. */
const HEAD = 100_000;

/** A download whose sender sends what it is told to. */
class Sender {
  private readonly answered: Promise<IncomingMessage>;

  private constructor(
    readonly assetId: string,
    readonly outgoing: ClientRequest,
  ) {
    this.answered = once(outgoing, 'response').then(([response]) => (response as IncomingMessage).resume());
    // The one who breaks it off is the test.
    outgoing.on('error', () => undefined);
    this.answered.catch(() => undefined);
  }

  static async start(assetId: string, sizeBytes: number | undefined, options: OpenOptions = {}): Promise<Sender> {
    const { putUrl } = await cache.open(assetId, options);
    const headers = sizeBytes === undefined ? {} : { 'content-length': sizeBytes };
    return new Sender(assetId, request(putUrl, { method: 'PUT', headers }));
  }

  send(bytes: Buffer): void {
    this.outgoing.write(bytes);
  }

  async end(): Promise<number> {
    this.outgoing.end();
    return (await this.answered).statusCode!;
  }
}

const follow = (assetId: string, more: object = {}): Promise<FollowDownloadAnswer> =>
  cache.ask(SUBJECTS.cache.follow, { assetId, downloadId: downloadIdOf(assetId, 1), holder: 'run-1.1', waitMs: 4_000, ...more });

interface Reader {
  readonly headers: IncomingMessage['headers'];
  bytes(): Buffer;
  /** `whole` or `broken`. */
  readonly end: Promise<'whole' | 'broken'>;
}

const read = async (url: string): Promise<Reader> => {
  const outgoing = get(url, { agent: false });
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  const chunks: Buffer[] = [];
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  const end = new Promise<'whole' | 'broken'>((resolve) => {
    response.once('error', () => resolve('broken'));
    response.once('close', () => resolve(response.complete ? 'whole' : 'broken'));
  });
  return { headers: response.headers, bytes: () => Buffer.concat(chunks), end };
};

const arrived = (reader: Reader, bytes: number) => eventually(() => expect(reader.bytes().length).toBe(bytes));

describe('a file that is followed while it grows', () => {
  it('is read by several at once as it comes, with its early facts, and stays readable while it becomes the cached file', async () => {
    const assetId = await cache.asset();
    const asked = follow(assetId);
    const sender = await Sender.start(assetId, video.length, { filename: 'harbour.mp4' });
    sender.send(video.subarray(0, HEAD));
    const { getUrl, ...answer } = await asked;
    expect(answer).toEqual({ attempt: 1, nodeId: NODE_ID, filename: 'harbour.mp4', kind: 'video', sizeBytes: video.length, mimeType: 'video/mp4', width: 1280, height: 720, durationSeconds: 3 });
    const first = await read(getUrl);
    expect(first.headers).toMatchObject({ 'content-length': String(video.length), 'content-type': 'video/mp4' });
    await arrived(first, HEAD);
    sender.send(video.subarray(HEAD, 200_000));
    const second = await read((await follow(assetId, { holder: 'run-2.1' })).getUrl);
    await Promise.all([arrived(first, 200_000), arrived(second, 200_000)]);
    expect((await cache.usage()).leases).toBeGreaterThanOrEqual(2);
    sender.send(video.subarray(200_000));
    expect(await sender.end()).toBe(201);
    expect(await Promise.all([first.end, second.end])).toEqual(['whole', 'whole']);
    expect([first, second].every((reader) => reader.bytes().equals(video))).toBe(true);

    const late = await read(getUrl);
    expect([await late.end, late.bytes().equals(video)]).toEqual(['whole', true]);
    await expect(follow(assetId)).rejects.toMatchObject({ code: 'ALREADY_CACHED', category: 'conflict' });
  });

  it.each([
    ['its sender goes away', async ({ outgoing }: Sender) => void outgoing.destroy()],
    ['a newer attempt begins', async ({ assetId }: Sender) => void (await cache.open(assetId, { attempt: 2 }))],
  ])('breaks every reader off when %s, and answers 410 from then on', async (_, breakOff) => {
    const assetId = await cache.asset();
    const sender = await Sender.start(assetId, video.length);
    sender.send(video.subarray(0, HEAD));
    const { getUrl } = await follow(assetId);
    const readers = await Promise.all([read(getUrl), read(getUrl)]);
    await breakOff(sender);
    expect(await Promise.all(readers.map(({ end }) => end))).toEqual(['broken', 'broken']);
    expect(await problemOf(await fetch(getUrl))).toEqual(problem(410, 'ATTEMPT_GONE'));
    sender.outgoing.destroy();

    const again = await Sender.start(assetId, video.length, { attempt: 3 });
    again.send(video);
    expect(await again.end()).toBe(201);
    expect(await problemOf(await fetch(getUrl))).toEqual(problem(410, 'ATTEMPT_GONE'));
  });

  it('breaks off also a reader that takes nothing, and keeps no lease for it', async () => {
    const assetId = await cache.asset();
    const big = Buffer.concat([video, Buffer.alloc(1_500_000)]);
    const sender = await Sender.start(assetId, big.length);
    sender.send(big.subarray(0, -1));
    const { getUrl } = await follow(assetId);
    const outgoing = get(getUrl, { agent: false });
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    const closed = new Promise<boolean>((resolve) => response.once('error', () => resolve(response.complete)));
    sender.outgoing.destroy();
    await eventually(async () => expect((await cache.usage()).reservedBytes).toBe(0));
    response.resume();
    expect(await closed).toBe(false);
  });

  it('is not a whole file for its reader where its content turns out to be none', async () => {
    const assetId = await cache.asset();
    const sender = await Sender.start(assetId, video.length, { sha256: 'a'.repeat(64) });
    sender.send(video.subarray(0, HEAD));
    const { getUrl } = await follow(assetId);
    sender.send(video.subarray(HEAD));
    expect(await sender.end()).toBe(409);
    expect(await problemOf(await fetch(getUrl))).toEqual(problem(410, 'ATTEMPT_GONE'));
    await expect(cache.ask(SUBJECTS.cache.acquire, { assetId, holder: 'run-1.1', ttlMs: 10_000, waitMs: 1_000 })).rejects.toMatchObject({ code: 'NOT_CACHED' });
  });

  it('gives a lease as soon as it is cached, to who waits for that', async () => {
    const assetId = await cache.asset();
    const sender = await Sender.start(assetId, video.length);
    sender.send(video.subarray(0, HEAD));
    await follow(assetId);
    const leased = cache.ask(SUBJECTS.cache.acquire, { assetId, holder: 'run-1.1', ttlMs: 10_000, waitMs: 4_000 });
    sender.send(video.subarray(HEAD));
    expect(await sender.end()).toBe(201);
    expect(await leased).toMatchObject({ file: { assetId } });
  });

  it('says by name why it cannot be followed', async () => {
    const assetId = await cache.asset();
    await expect(follow(assetId, { waitMs: 0 })).rejects.toMatchObject({ code: 'DOWNLOAD_NOT_BEGUN', category: 'unavailable' });
    const sender = await Sender.start(assetId, undefined);
    sender.send(video.subarray(0, HEAD));
    await expect(follow(assetId)).rejects.toMatchObject({ code: 'LENGTH_UNKNOWN', category: 'conflict' });
    await expect(follow(assetId, { owner: 'other', waitMs: 0 })).rejects.toMatchObject({ code: 'DOWNLOAD_NOT_BEGUN' });
    sender.outgoing.destroy();
    const next = await Sender.start(assetId, video.length, { run: 2 });
    next.send(video.subarray(0, HEAD));
    await eventually(() => expect(follow(assetId)).rejects.toMatchObject({ code: 'ATTEMPT_GONE', category: 'conflict' }), { timeoutMs: 30_000 });
    next.outgoing.destroy();
  });
});
