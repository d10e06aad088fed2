import type { Token } from '@ferry/kernel';
import type { FastifyReply } from 'fastify';
import { encodeToken } from './token';

export interface Answer {
  readonly status: number;
  readonly body: object;
  readonly location?: string;
}

/** Sends it; a token in the body stands in the header Ferry-Token too. */
export const answer = async (reply: FastifyReply, { status, body, location }: Answer): Promise<void> => {
  const { token } = body as { token?: Token };
  if (token) void reply.header('ferry-token', encodeToken(token));
  if (location) void reply.header('location', location);
  await reply.status(status).send(body);
};

/** Aborted when the client has gone, or has its answer. */
export const goneSignal = (reply: FastifyReply): AbortSignal => {
  const gone = new AbortController();
  if (reply.raw.destroyed) gone.abort();
  else reply.raw.once('close', () => gone.abort());
  return gone.signal;
};
