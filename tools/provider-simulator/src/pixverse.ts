import { randomInt, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { bigNumber, holdAnswer, readForm, sendBytes, sendJson, VendorError, type Call, type UploadedFile, type Vendor, type World } from './vendor';
import type { StoredObject } from './object-store';

const PROVIDER = 'pixverse';
const MIB = 1024 * 1024;
const IMAGES = ['image/png', 'image/jpeg', 'image/webp'];
const VIDEOS = ['video/mp4', 'video/quicktime', 'video/webm'];
const AUDIOS = ['audio/mpeg', 'audio/wav', 'audio/mp4', 'audio/aac'];
const EXTENSIONS: Record<string, string> = { 'video/mp4': 'mp4', 'audio/mpeg': 'mp3', 'image/png': 'png', 'image/jpeg': 'jpg' };
const REMEMBERED_TRACE_IDS = 100_000;
/** Ids are odd numbers above 2^53: one that is read carelessly changes. */
const FIRST_ID = 9_100_000_000_000_001n;

const error = (status: number, message: string, code: number | string = 99999): VendorError =>
  // A moderated image is answered with other names of the members.
  code === 500052
    ? new VendorError(500, { err_code: 500052, err_msg: message, resp: null }, message)
    : new VendorError(status, { ErrCode: code, ErrMsg: message, Resp: null }, message);

const refuse = (code: number, message: string): VendorError => error(200, message, code);

const ok = (call: Call, resp: object): void => sendJson(call.response, 200, { ErrCode: 0, ErrMsg: 'success', Resp: resp });

const authenticator = () => {
  const seen = new Set<string>();
  return (request: IncomingMessage): string => {
    const key = request.headers['api-key'];
    const trace = request.headers['ai-trace-id'];
    if (typeof key !== 'string' || !key) throw refuse(400012, 'API-KEY is missing');
    if (typeof trace !== 'string' || !/^[0-9a-f-]{36}$/i.test(trace)) throw refuse(400011, 'Ai-trace-id is missing or no uuid');
    if (seen.has(trace)) throw refuse(400017, 'Ai-trace-id was used before');
    seen.add(trace);
    if (seen.size > REMEMBERED_TRACE_IDS) seen.delete(seen.values().next().value!);
    return key;
  };
};

const checkImage = ({ sizeBytes, width = 0, height = 0, sniffedType = '' }: UploadedFile): void => {
  if (!IMAGES.includes(sniffedType)) throw refuse(500032, 'image format is not supported');
  if (sizeBytes >= 20 * MIB || width > 4000 || height > 4000) throw refuse(500030, 'image exceeds 20 MB or 4000 px');
};

const checkMedia = ({ sizeBytes, width = 0, height = 0, durationSeconds = 0, sniffedType = '' }: UploadedFile): void => {
  if (![...VIDEOS, ...AUDIOS].includes(sniffedType)) throw refuse(400017, 'media format is not supported');
  if (sizeBytes > 50 * MIB) throw refuse(400017, 'media exceeds 50 MB');
  if (durationSeconds > 30.5) throw refuse(400017, 'media is longer than 30 s');
  if (Math.max(width, height) > 1920) throw refuse(400017, 'media is larger than 1920 px');
};

export const newPixverseId = (): string => String(FIRST_ID + 2n * BigInt(randomInt(2 ** 48 - 1)));

export const pixverseMediaName = (mimeType: string): string => `openapi%2F${randomUUID()}.${EXTENSIONS[mimeType] ?? 'bin'}`;

const upload = (world: World, field: 'file' | 'image') => async (call: Call) => {
  const { fields, file } = await readForm(call, world.store);
  try {
    if (fields.has(`${field}_url`)) throw refuse(400017, `${field}_url is not simulated; send ${field}`);
    if (file?.field !== field) throw refuse(400011, `the part "${field}" is missing`);
    if (field === 'image') checkImage(file);
    else checkMedia(file);
  } catch (refusal) {
    if (file) await world.store.discard(file.blob);
    throw refusal;
  }
  const { blob, sizeBytes, sha256, filename, width, height, durationSeconds, sniffedType } = file;
  const type = field === 'image' ? 'image' : 'media';
  const object = await world.store.put({
    ...{ id: newPixverseId(), provider: PROVIDER, type, account: call.account, createdAt: world.now() },
    ...{ blob, sizeBytes, sha256, filename, width, height, durationSeconds, mimeType: sniffedType! },
    details: { media: pixverseMediaName(sniffedType!) },
  });
  call.counts.uploads += 1;
  await holdAnswer(call);
  const url = mediaUrl(world, object);
  if (field === 'image') return ok(call, { img_id: bigNumber(object.id), img_url: url });
  ok(call, { media_id: bigNumber(object.id), media_type: object.mimeType.split('/')[0], url, width, height });
};

export const mediaUrl = (world: World, object: StoredObject): string => `${world.origin()}/pixverse/media/${String(object.details?.media)}`;

const videoResult = (world: World) => async (call: Call) => {
  const object = world.store.get(PROVIDER, 'result', call.params[0]!);
  if (!object || (object.account && object.account !== call.account)) throw refuse(500008, 'data not found');
  const status = Number(call.fault?.jobStatus ?? object.details?.status ?? 1);
  const done = status === 1 ? mediaUrl(world, object) : status === 7 ? `${world.origin()}/pixverse/media/media/default.mp4` : '';
  ok(call, {
    ...{ id: bigNumber(object.id), status, url: call.fault?.resultUrl ?? done, size: object.sizeBytes, seed: 0, prompt: '', style: '' },
    ...{ outputWidth: object.width ?? 0, outputHeight: object.height ?? 0, has_audio: true, customer_paths: {} },
    ...{ create_time: new Date(object.createdAt).toISOString(), modify_time: new Date(object.createdAt).toISOString() },
  });
};

const media = (world: World) => async (call: Call) => {
  const object = world.store.list().find(({ provider, details }) => provider === PROVIDER && details?.media === call.params[0]);
  if (!object) throw error(404, 'not found');
  await sendBytes(call, object, world.store);
};

/** The PixVerse platform API at `/pixverse/openapi/v2`, and its CDN at `/pixverse/media`. */
export const pixverse = (world: World): Vendor => ({
  provider: PROVIDER,
  prefix: '/pixverse',
  authenticate: authenticator(),
  error,
  routes: [
    { operation: 'media-upload', method: 'POST', path: /^\/openapi\/v2\/media\/upload$/, answer: upload(world, 'file') },
    { operation: 'image-upload', method: 'POST', path: /^\/openapi\/v2\/image\/upload$/, answer: upload(world, 'image') },
    { operation: 'video-result', method: 'GET', path: /^\/openapi\/v2\/video\/result\/(\d+)$/, answer: videoResult(world) },
    { operation: 'media-download', method: 'GET', path: /^\/media\/(openapi%2F[0-9a-f-]{36}\.\w+)$/, open: true, answer: media(world) },
  ],
});
