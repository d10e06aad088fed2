import { createReadStream } from 'node:fs';
import { fixturePath } from './fixtures';
import type { StoredObject } from './object-store';
import { answer, findOpenai, OPENAI, openaiError, openaiId, seconds } from './openai-shapes';
import { holdAnswer, readForm, readJson, sendBytes, type Call, type Route, type UploadedFile, type World } from './vendor';

const JOB_MS = 200;
/** "Download URLs are valid for a maximum of 1 hour after generation". */
export const VIDEO_LIFETIME_MS = 3_600_000;
const SIZES = ['720x1280', '1280x720', '1024x1792', '1792x1024'];
const SECONDS = ['4', '8', '12', '16', '20'];
const RESULT = 'sora-lighthouse.mp4';

const checkCharacter = ({ sniffedType, durationSeconds = 0, width = 0, height = 0 }: UploadedFile): void => {
  const ratio = width / height;
  const fits = Math.abs(ratio - 16 / 9) < 0.02 || Math.abs(ratio - 9 / 16) < 0.02;
  if (sniffedType !== 'video/mp4') throw openaiError(400, 'The video must be an MP4.', 'invalid_value', 'video');
  if (durationSeconds < 1.95 || durationSeconds > 4.05) throw openaiError(400, 'The video must last 2 to 4 seconds.', 'invalid_value', 'video');
  if (!fits) throw openaiError(400, 'The video must be 16:9 or 9:16.', 'invalid_value', 'video');
};

const characterAnswer = ({ id, createdAt, details }: StoredObject) => ({
  ...{ id, object: 'character', created_at: seconds(createdAt), name: details?.name },
});

const createCharacter = (world: World) => async (call: Call) => {
  const { fields, file } = await readForm(call, world.store);
  const name = fields.get('name');
  try {
    if (!name) throw openaiError(400, "'name' is a required property", 'missing_required_parameter', 'name');
    if (file?.field !== 'video') throw openaiError(400, "'video' is a required property", 'missing_required_parameter', 'video');
    checkCharacter(file);
  } catch (refusal) {
    if (file) await world.store.discard(file.blob);
    throw refusal;
  }
  const { blob, sizeBytes, sha256, filename, width, height, durationSeconds } = file;
  const object = await world.store.put({
    ...{ id: openaiId('char'), provider: OPENAI, type: 'character', account: call.account, createdAt: world.now() },
    ...{ blob, sizeBytes, sha256, filename, width, height, durationSeconds, mimeType: 'video/mp4' },
    details: { name },
  });
  call.counts.uploads += 1;
  await holdAnswer(call);
  answer(call, characterAnswer(object));
};

const videoAnswer = (world: World, { id, createdAt, readyAt = 0, expiresAt, details }: StoredObject, status?: string) => {
  const done = readyAt <= world.now();
  const state = status ?? (done ? 'completed' : 'in_progress');
  return {
    ...{ id, object: 'video', status: state, progress: done ? 100 : 50, created_at: seconds(createdAt) },
    ...{ completed_at: done ? seconds(readyAt) : null, expires_at: done ? seconds(expiresAt) : null, remixed_from_video_id: null },
    ...{ model: details?.model, prompt: details?.prompt, seconds: details?.seconds, size: details?.size },
    error: state === 'failed' ? { code: 'video_generation_failed', message: 'The video could not be made.' } : null,
  };
};

const checkReferences = (world: World, call: Call, body: Record<string, unknown>, size: string): void => {
  const characters = (body.characters ?? []) as { id?: unknown }[];
  if (!Array.isArray(characters) || characters.length > 2) throw openaiError(400, 'At most 2 characters.', 'invalid_value', 'characters');
  for (const { id } of characters) findOpenai(world, 'character', { ...call, params: [String(id)] });
  const image = body.input_reference as { file_id?: unknown } | undefined;
  if (!image) return;
  if (image.file_id === undefined) throw openaiError(400, 'input_reference.image_url is not simulated; give file_id', 'invalid_value', 'input_reference');
  const { width, height } = findOpenai(world, 'file', { ...call, params: [String(image.file_id)] });
  if (`${width}x${height}` !== size) throw openaiError(400, 'Inpaint image must match the requested width and height', 'invalid_value', 'input_reference');
};

const createVideo = (world: World) => async (call: Call) => {
  const body = await readJson(call);
  const { prompt, model = 'sora-2', seconds: length = '4', size = '720x1280' } = body;
  if (typeof prompt !== 'string' || !prompt) throw openaiError(400, "'prompt' is a required property", 'missing_required_parameter', 'prompt');
  if (!SECONDS.includes(String(length))) throw openaiError(400, `Invalid seconds '${String(length)}'`, 'invalid_value', 'seconds');
  if (!SIZES.includes(String(size))) throw openaiError(400, `Invalid size '${String(size)}'`, 'invalid_value', 'size');
  checkReferences(world, call, body, String(size));
  const received = await world.store.receive(createReadStream(fixturePath(RESULT)));
  const readyAt = world.now() + JOB_MS;
  const object = await world.store.put({
    ...{ id: openaiId('video'), provider: OPENAI, type: 'video', account: call.account, createdAt: world.now(), readyAt },
    ...{ expiresAt: readyAt + VIDEO_LIFETIME_MS, mimeType: 'video/mp4', filename: RESULT, width: 1280, height: 720, durationSeconds: 3 },
    ...received,
    details: { model, prompt, seconds: String(length), size },
  });
  answer(call, videoAnswer(world, object, 'in_progress'));
};

const videoContent = (world: World) => async (call: Call) => {
  const object = findOpenai(world, 'video', call);
  const variant = call.query.get('variant') ?? 'video';
  if (variant !== 'video') throw openaiError(400, `variant '${variant}' is not simulated`, 'invalid_value', 'variant');
  if ((object.readyAt ?? 0) > world.now()) throw openaiError(404, 'The video is not ready yet.', 'not_ready');
  if (object.expiresAt !== undefined && object.expiresAt <= world.now()) throw openaiError(404, 'The video has expired.', 'not_found');
  await sendBytes(call, object, world.store);
};

export const openaiVideos = (world: World): Route[] => [
  { operation: 'character-create', method: 'POST', path: /^\/v1\/videos\/characters$/, answer: createCharacter(world) },
  {
    operation: 'character-get',
    method: 'GET',
    path: /^\/v1\/videos\/characters\/([\w-]+)$/,
    answer: async (call) => answer(call, characterAnswer(findOpenai(world, 'character', call))),
  },
  { operation: 'video-create', method: 'POST', path: /^\/v1\/videos$/, answer: createVideo(world) },
  {
    operation: 'video-get',
    method: 'GET',
    path: /^\/v1\/videos\/([\w-]+)$/,
    answer: async (call) => answer(call, videoAnswer(world, findOpenai(world, 'video', call), call.fault?.jobStatus as string | undefined)),
  },
  { operation: 'video-content', method: 'GET', path: /^\/v1\/videos\/([\w-]+)\/content$/, answer: videoContent(world) },
];
