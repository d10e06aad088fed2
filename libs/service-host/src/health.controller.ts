import { metrics, type Health } from '@ferry/observability';
import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { HEALTH, SERVICE_NAME } from './tokens';

/** For the orchestrator and Prometheus; not part of the API. */
@Controller()
export class HealthController {
  constructor(
    @Inject(HEALTH) private readonly health: Health,
    @Inject(SERVICE_NAME) private readonly service: string,
  ) {}

  /** The process runs. */
  @Get('healthz')
  healthz(): { service: string; status: 'ok' } {
    return { service: this.service, status: 'ok' };
  }

  /** The process can work: 200, or 503 with what is missing. */
  @Get('readyz')
  async readyz(@Res() reply: FastifyReply): Promise<void> {
    const { ok, checks } = this.health.report();
    await reply.status(ok ? 200 : 503).send({ service: this.service, ok, checks });
  }

  @Get('metrics')
  @Header('Content-Type', metrics.contentType)
  async metrics(): Promise<string> {
    return metrics.metrics();
  }
}
