import { FerryError } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { KnownRoutes } from './known-routes';
import { problemOf } from './problem';

/** Every error of the API as problem+json. What is not ours is logged here and told without its text. */
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
    const retryAfterMs = problem.details?.['retryAfterMs'];
    if (typeof retryAfterMs === 'number' && retryAfterMs >= 0) void reply.header('retry-after', Math.ceil(retryAfterMs / 1_000));
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
