import { runInContext, Counter, type Logger } from '@ferry/observability';
import { LOGGER, type HttpEdge } from '@ferry/service-host';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import { ApiKeys } from './auth/api-keys';
import { authenticate } from './auth/authenticate';
import { GatewayConfig } from './gateway.config';
import { CONTROLLERS } from './gateway.module';
import { acceptJsonOnly } from './http/json-body';
import { KnownRoutes } from './http/known-routes';
import { problemOf } from './http/problem';
import { ProblemFilter } from './http/problem.filter';
import { FerryError } from '@ferry/kernel';
import { apiDocument, serveDocument } from './openapi/document';

const MAX_BODY_BYTES = 1_048_576;
/** Milliseconds in which a request's head and body must have come. */
const REQUEST_MS = 30_000;

const answers = new Counter({ name: 'ferry_http_answers_total', help: 'Answers of the HTTP API.', labelNames: ['method', 'route', 'status'] });

/** A path that cannot be decoded has no route, so no filter sees it. */
const refusePath = (_: unknown, request: FastifyRequest, reply: FastifyReply): void => {
  const error = new FerryError('MALFORMED_REQUEST', 'invalid', 'The path is not well-formed: check its percent signs.');
  void reply.status(400).header('content-type', 'application/problem+json').send(JSON.stringify(problemOf(error, request.id)));
};

/** The story that a request begins, or goes on with where the caller sent a W3C traceparent. */
const contextOf = ({ id, headers: { traceparent } }: FastifyRequest) => {
  const valid = typeof traceparent === 'string' && /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(traceparent);
  return { correlationId: id, ...(valid ? { traceparent } : {}) };
};

const addHooks = (server: FastifyInstance, keys: ApiKeys): void => {
  server.addHook('onRequest', async (request, reply) => {
    void reply.headers({ 'ferry-request-id': request.id, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });
  server.addHook('onRequest', authenticate(keys));
  server.addHook('preHandler', (request, _reply, done) => runInContext(contextOf(request), done));
  server.addHook('onResponse', async ({ method, routeOptions }, { statusCode }) => {
    answers.inc({ method, route: routeOptions.url ?? 'unknown', status: statusCode });
  });
};

const configure = async (app: NestFastifyApplication): Promise<void> => {
  const server = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  const logger = app.get<Logger>(LOGGER);
  const routes = new KnownRoutes(server);
  app.useGlobalFilters(new ProblemFilter(logger, routes));
  acceptJsonOnly(server);
  addHooks(server, await ApiKeys.open(app.get(GatewayConfig).API_KEYS_FILE, logger));
  serveDocument(app, apiDocument(app, CONTROLLERS));
};

/** The public side of Ferry. */
export const edge: HttpEdge = {
  server: { genReqId: () => randomUUID(), bodyLimit: MAX_BODY_BYTES, requestTimeout: REQUEST_MS, frameworkErrors: refusePath },
  address: (app) => {
    const { GATEWAY_HOST, GATEWAY_PORT } = app.get(GatewayConfig);
    return { host: GATEWAY_HOST, port: GATEWAY_PORT };
  },
  configure,
};
