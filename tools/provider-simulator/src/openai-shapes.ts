import { randomBytes } from 'node:crypto';
import type { StoredObject } from './object-store';
import { sendJson, VendorError, type Call, type World } from './vendor';

export const OPENAI = 'openai';
const TYPES: Record<number, string> = { 401: 'authentication_error', 429: 'rate_limit_error', 500: 'server_error', 503: 'server_error' };

export const openaiError = (status: number, message: string, code?: number | string, param: string | null = null): VendorError =>
  new VendorError(status, { error: { message, type: TYPES[status] ?? 'invalid_request_error', param, code: code ?? null } }, message);

export const openaiId = (prefix: string): string => `${prefix}_${randomBytes(16).toString('hex')}`;

export const seconds = (milliseconds: number | undefined): number | null => (milliseconds === undefined ? null : Math.floor(milliseconds / 1000));

/** What the caller's key may see and what has not ended. @throws VendorError 404 */
export const findOpenai = (world: World, type: string, { account, params }: Call): StoredObject => {
  const object = world.store.get(OPENAI, type, params[0]!);
  const visible = object && (object.account === undefined || object.account === account);
  if (!visible) throw openaiError(404, `No such ${type}: ${params[0]}`, 'not_found', 'id');
  return object;
};

export const answer = (call: Call, body: object): void => sendJson(call.response, 200, body, { 'x-request-id': openaiId('req') });
