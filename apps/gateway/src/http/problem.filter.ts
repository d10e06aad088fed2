import { FerryError } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { KnownRoutes } from './known-routes';
import { problemOf } from './problem';

/** Every error of the API as problem+json. What is not ours is logged here and told without its text. */
/** Seconds, from milliseconds or an ISO date. */
const retryAfterOf = ({ retryAfterMs, retryAfter }: Readonly<Record<string, unknown>> = {}): number | undefined => {
  const ms = typeof retryAfterMs === 'number' ? retryAfterMs : typeof retryAfter === 'string' ? Math.max(0, Date.parse(retryAfter) - Date.now()) : NaN;
  return ms >= 0 ? Math.ceil(ms / 1_000) : undefined;
};

@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly routes: KnownRoutes,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = problemOf(this.wrongMethod(thrown, request, reply) ?? thrown, request.id);
    if (problem.code === 'INTERNAL') this.logger.error({ err: thrown, requestId: request.id, route: request.routeOptions.url }, 'a request failed');
    if (reply.sent) return;
    const seconds = retryAfterOf(problem.details);
    if (seconds !== undefined) void reply.header('retry-after', seconds);
    void reply.status(problem.status).header('content-type', 'application/problem+json').send(JSON.stringify(problem));
  }

  private wrongMethod(thrown: unknown, { method, url }: FastifyRequest, reply: FastifyReply): FerryError | undefined {
    if (!(thrown instanceof HttpException) || thrown.getStatus() !== 404) return undefined;
    const allowed = this.routes.methodsOf(url);
    if (!allowed.length) return undefined;
    void reply.header('allow', allowed.join(', '));
    return new FerryError('METHOD_NOT_ALLOWED', 'invalid', `${method} is not possible here; ${allowed.join(', ')} is.`);
  }
}
