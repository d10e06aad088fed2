import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { extname } from 'node:path';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Counters } from './counters';
import { parseFault, type Faults } from './faults';
import type { Limits } from './limits';
import { FIXTURE_TYPES, fixturePath } from './fixtures';
import { sniffMedia } from './media-facts';
import type { ObjectStore, ReceivedBytes, StoredObject } from './object-store';
import { OPENAI, openaiId } from './openai-shapes';
import { VIDEO_LIFETIME_MS } from './openai-videos';
import { mediaUrl, newPixverseId, pixverseMediaName } from './pixverse';
import { sendJson, type World } from './vendor';

export interface ControlParts {
  readonly world: World;
  readonly counters: Counters;
  readonly faults: Faults;
  readonly limits: Limits;
  readonly operations: ReadonlySet<string>;
  readonly advanceClock: (milliseconds: number) => void;
}

const MAX_JSON_BYTES = 1024 * 1024;
const SEEDS = { pixverse: { video: 'result', audio: 'media', image: 'image' }, openai: { video: 'video' } } as const;

const readJsonBody = async (request: IncomingMessage): Promise<Record<string, unknown>> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_JSON_BYTES) throw new Error('The body is longer than 1 MiB.');
    chunks.push(chunk);
  }
  const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('The body must be a JSON object.');
  return value as Record<string, unknown>;
};

interface Seed {
  readonly provider: string;
  readonly kind: string;
  readonly fixture: string;
  /** Of an MP4's free box behind all else; they take no room on the disk. */
  readonly freeBytes?: number;
}

/** Head of an MP4 box that players pass over, for so many bytes with it. */
const freeBox = (bytes: number): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(bytes);
  head.write('free', 4);
  return head;
};

async function* withFreeBox(source: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  yield* source;
  yield freeBox(bytes);
}

const receiveSeed = async (store: ObjectStore, source: AsyncIterable<Uint8Array>, freeBytes: number | undefined): Promise<ReceivedBytes> => {
  if (freeBytes === undefined) return store.receive(source);
  if (!(Number.isInteger(freeBytes) && freeBytes >= 8 && freeBytes < 2 ** 32)) throw new Error('"freeBytes" must be a whole number from 8 to 4294967295.');
  return store.lengthen(await store.receive(withFreeBox(source, freeBytes)), freeBytes - 8);
};

const seedBytes = async ({ world }: ControlParts, seed: Seed, source: AsyncIterable<Uint8Array>, mimeType: string) => {
  const type = (SEEDS as Record<string, Record<string, string>>)[seed.provider]?.[seed.kind];
  if (!type) throw new Error('Seed a pixverse video, audio or image, or an openai video.');
  const received = await receiveSeed(world.store, source, seed.freeBytes);
  const { sniffedType, ...facts } = await sniffMedia(world.store.pathOf(received.blob));
  const now = world.now();
  const own = { ...received, ...facts, provider: seed.provider, type, mimeType: sniffedType ?? mimeType, filename: seed.fixture, createdAt: now };
  const details = { model: 'sora-2', prompt: '', size: '1280x720', seconds: '4' };
  const object: StoredObject =
    seed.provider === OPENAI
      ? { ...own, id: openaiId('video'), readyAt: now, expiresAt: now + VIDEO_LIFETIME_MS, details }
      : { ...own, id: newPixverseId(), details: { status: 1, media: pixverseMediaName(own.mimeType) } };
  return world.store.put(object);
};

const seed = async (parts: ControlParts, request: IncomingMessage, query: URLSearchParams): Promise<object> => {
  let object: StoredObject;
  const contentType = request.headers['content-type'] ?? '';
  if (contentType.startsWith('application/json')) {
    const { provider, kind = 'video', fixture, freeBytes } = await readJsonBody(request);
    const path = fixturePath(String(fixture));
    await access(path);
    const mimeType = FIXTURE_TYPES[extname(path).slice(1)]!;
    object = await seedBytes(parts, { ...{ provider: String(provider), kind: String(kind), fixture: String(fixture) }, ...(freeBytes === undefined ? {} : { freeBytes: Number(freeBytes) }) }, createReadStream(path), mimeType);
  } else {
    const wanted = { provider: query.get('provider') ?? '', kind: query.get('kind') ?? 'video', fixture: 'seed' };
    object = await seedBytes(parts, wanted, request, contentType);
  }
  const { id, sha256, sizeBytes } = object;
  const url = object.provider === OPENAI ? `${parts.world.origin()}/openai/v1/videos/${id}/content` : mediaUrl(parts.world, object);
  return { id, url, sha256, sizeBytes };
};

/** The HTTP control API, in JSON. */
export const control = (parts: ControlParts) => {
  const { world, counters, faults, limits, operations } = parts;
  const routes: Record<string, (request: IncomingMessage, query: URLSearchParams) => object | Promise<object>> = {
    'GET /control/counters': () => counters.all(),
    'DELETE /control/counters': () => (counters.reset(), counters.all()),
    'GET /control/objects': () => ({ objects: world.store.list() }),
    'GET /control/faults': () => ({ faults: faults.list(), calls: faults.calls() }),
    'POST /control/faults': async (request) => (faults.add(parseFault(await readJsonBody(request), operations)), { faults: faults.list() }),
    'DELETE /control/faults': () => (faults.clear(), { faults: [] }),
    'GET /control/limits': () => ({ limits: limits.list() }),
    'POST /control/limits': async (request) => (limits.set(await readJsonBody(request)), { limits: limits.list() }),
    'DELETE /control/limits': () => (limits.clear(), { limits: [] }),
    'POST /control/seed': (request, query) => seed(parts, request, query),
    'POST /control/clock': async (request) => {
      const { advanceMs } = await readJsonBody(request);
      if (!(Number.isInteger(advanceMs) && (advanceMs as number) > 0)) throw new Error('"advanceMs" must be a whole number above 0.');
      parts.advanceClock(advanceMs as number);
      return { now: new Date(world.now()).toISOString() };
    },
  };
  return async (request: IncomingMessage, response: ServerResponse, path: string, query: URLSearchParams): Promise<void> => {
    const route = routes[`${request.method} ${path}`];
    if (!route) return sendJson(response, 404, { error: `No such control call. Known: ${Object.keys(routes).join(', ')}.` });
    try {
      sendJson(response, 200, await route(request, query));
    } catch (error) {
      sendJson(response, 400, { error: error instanceof Error ? error.message : String(error) });
    }
  };
};
