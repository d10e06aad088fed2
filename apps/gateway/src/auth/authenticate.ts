import { FerryError } from '@ferry/kernel';
import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import type { ApiKeys, Caller } from './api-keys';

declare module 'fastify' {
  interface FastifyRequest {
    caller?: Caller;
  }
}

/** Routes without a key. All others need one, also those that are added later. */
const OPEN_ROUTES = /^\/(healthz|readyz|metrics|openapi\.json|docs(\/.*)?)$/;

/** Puts the key's caller on the request. Judged by the route that was found, not by the path as it was written. */
export const authenticate =
  (keys: ApiKeys): onRequestAsyncHookHandler =>
  async (request, reply) => {
    const route = request.routeOptions.url;
    if (route === undefined || OPEN_ROUTES.test(route)) return;
    const key = /^Bearer +([\x21-\x7e]{1,500})$/i.exec(request.headers.authorization ?? '')?.[1];
    const caller = key && (await keys.callerOf(key));
    if (caller) request.caller = caller;
    else {
      void reply.header('www-authenticate', 'Bearer realm="ferry"');
      throw unauthenticated(key ? 'The API key is not known.' : 'There is no API key.');
    }
  };

export const callerOf = (request: FastifyRequest): Caller => {
  if (!request.caller) throw unauthenticated('There is no API key.');
  return request.caller;
};

const unauthenticated = (what: string): FerryError =>
  new FerryError('UNAUTHENTICATED', 'unauthenticated', `${what} Send the header "Authorization: Bearer <key>" with a key of this gateway.`);
