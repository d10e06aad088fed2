import type { IncomingMessage } from 'node:http';
import type { StoredObject } from './object-store';
import { answer, findOpenai, OPENAI, openaiError, openaiId, seconds } from './openai-shapes';
import { openaiVideos } from './openai-videos';
import { holdAnswer, readForm, sendBytes, type Call, type Vendor, type World } from './vendor';

const MIB = 1024 * 1024;
const PURPOSES = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'];
const authenticate = (request: IncomingMessage): string => {
  const key = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (!key) throw openaiError(401, "You didn't provide an API key.", 'invalid_api_key');
  return key;
};

const notExpired = (world: World, object: StoredObject): StoredObject => {
  if (object.expiresAt !== undefined && object.expiresAt <= world.now()) throw openaiError(404, `${object.id} has expired.`, 'not_found');
  return object;
};

const fileAnswer = ({ id, sizeBytes, createdAt, expiresAt, filename, details }: StoredObject) => ({
  ...{ id, object: 'file', bytes: sizeBytes, created_at: seconds(createdAt), filename, purpose: details?.purpose, status: 'processed' },
  ...(expiresAt === undefined ? {} : { expires_at: seconds(expiresAt) }),
});

const expiry = (world: World, fields: ReadonlyMap<string, string>): number | undefined => {
  const after = fields.get('expires_after[seconds]');
  if (after === undefined) return undefined;
  if (fields.get('expires_after[anchor]') !== 'created_at') throw openaiError(400, 'anchor must be created_at', 'invalid_value', 'expires_after');
  const lifetime = Number(after);
  if (!(lifetime >= 3600 && lifetime <= 2_592_000)) throw openaiError(400, 'seconds must be 3600 to 2592000', 'invalid_value', 'expires_after');
  return world.now() + lifetime * 1000;
};

const createFile = (world: World) => async (call: Call) => {
  const { fields, file } = await readForm(call, world.store);
  const purpose = fields.get('purpose') ?? '';
  let expiresAt: number | undefined;
  try {
    if (file?.field !== 'file') throw openaiError(400, "'file' is a required property", 'missing_required_parameter', 'file');
    if (!PURPOSES.includes(purpose)) throw openaiError(400, `Invalid purpose '${purpose}'`, 'invalid_value', 'purpose');
    if (file.sizeBytes > 512 * MIB) throw openaiError(413, 'The file exceeds 512 MB', 'file_too_large', 'file');
    const { livesSeconds } = call.fault ?? {};
    expiresAt = livesSeconds === undefined ? expiry(world, fields) : world.now() + livesSeconds * 1_000;
  } catch (refusal) {
    if (file) await world.store.discard(file.blob);
    throw refusal;
  }
  const { blob, sizeBytes, sha256, filename, width, height, durationSeconds, sniffedType } = file;
  const object = await world.store.put({
    ...{ id: openaiId('file'), provider: OPENAI, type: 'file', account: call.account, createdAt: world.now(), expiresAt },
    ...{ blob, sizeBytes, sha256, filename, width, height, durationSeconds, mimeType: sniffedType ?? 'application/octet-stream' },
    details: { purpose },
  });
  call.counts.uploads += 1;
  await holdAnswer(call);
  answer(call, fileAnswer(object));
};

const deleteFile = (world: World) => async (call: Call) => {
  const object = findOpenai(world, 'file', call);
  await world.store.delete(object);
  answer(call, { id: object.id, object: 'file', deleted: true });
};

/** The key's files, by `order`, after the one that `after` names. */
const listFiles = (world: World) => async (call: Call) => {
  const { query, account } = call;
  const limit = Number(query.get('limit') ?? 10_000);
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= 10_000)) throw openaiError(400, 'limit must be 1 to 10000', 'invalid_value', 'limit');
  const purpose = query.get('purpose');
  const mine = world.store.list().filter((object) => object.provider === OPENAI && object.type === 'file' && object.account === account);
  const living = mine.filter(({ expiresAt, details }) => (expiresAt ?? Infinity) > world.now() && (purpose === null || details?.purpose === purpose));
  if (query.get('order') !== 'asc') living.reverse();
  const from = query.has('after') ? living.findIndex(({ id }) => id === query.get('after')) + 1 : 0;
  const page = living.slice(from, from + limit);
  answer(call, { object: 'list', data: page.map(fileAnswer), first_id: page[0]?.id ?? null, last_id: page.at(-1)?.id ?? null, has_more: from + limit < living.length });
};

const file = (world: World, call: Call): StoredObject => notExpired(world, findOpenai(world, 'file', call));

/** OpenAI's Files API and its former Videos API at `/openai/v1`. */
export const openai = (world: World): Vendor => ({
  provider: OPENAI,
  prefix: '/openai',
  authenticate,
  error: openaiError,
  routes: [
    ...openaiVideos(world),
    { operation: 'file-create', method: 'POST', path: /^\/v1\/files$/, answer: createFile(world) },
    { operation: 'file-list', method: 'GET', path: /^\/v1\/files$/, answer: listFiles(world) },
    { operation: 'file-get', method: 'GET', path: /^\/v1\/files\/([\w-]+)$/, answer: async (call) => answer(call, fileAnswer(file(world, call))) },
    {
      operation: 'file-content',
      method: 'GET',
      path: /^\/v1\/files\/([\w-]+)\/content$/,
      answer: (call) => sendBytes(call, file(world, call), world.store),
    },
    { operation: 'file-delete', method: 'DELETE', path: /^\/v1\/files\/([\w-]+)$/, answer: deleteFile(world) },
  ],
});
