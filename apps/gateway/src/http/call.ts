import { FerryError, type Token } from '@ferry/kernel';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import { callerOf } from '../auth/authenticate';
import { decodeToken } from './token';

/** What every request to a service begins with. */
export interface Asked {
  readonly owner: string;
  readonly actor: string;
  readonly atLeast?: Token;
}

export interface Commanded extends Asked {
  readonly commandId: string;
}

const requestOf = (context: ExecutionContext): FastifyRequest => context.switchToHttp().getRequest<FastifyRequest>();

const askedBy = (request: FastifyRequest): Asked => {
  const { owner, actor } = callerOf(request);
  const token = (request.query as { atLeast?: unknown }).atLeast ?? request.headers['ferry-at-least'];
  return { owner, actor, ...(token === undefined ? {} : { atLeast: decodeToken(String(token)) }) };
};

const commandIdOf = (request: FastifyRequest): string => {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return randomUUID();
  if (typeof key === 'string' && /^[\x21-\x7e]{1,100}$/.test(key)) return key;
  throw new FerryError('VALIDATION_FAILED', 'invalid', 'The request is not valid; details.errors says which fields and why.', {
    errors: ['Idempotency-Key: 1 to 100 visible ASCII characters, once'],
  });
};

/** Owner and actor from the key, and what the caller has seen already. */
export const Asking = createParamDecorator((_: unknown, context: ExecutionContext): Asked => askedBy(requestOf(context)));

/** The same, and the client's name for its command. */
export const Commanding = createParamDecorator((_: unknown, context: ExecutionContext): Commanded => {
  const request = requestOf(context);
  return { ...askedBy(request), commandId: commandIdOf(request) };
});
