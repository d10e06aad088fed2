import 'reflect-metadata';
import { natsConnectionOptions, validationFailed } from '@ferry/messaging';
import { createLogger, planStop, startMetrics, type Health, type Logger } from '@ferry/observability';
import { Module, ValidationPipe, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyServerOptions } from 'fastify';
import { AnswerSerializer } from './answer-serializer';
import { HostConfig, loadConfig } from './config';
import { MessageContextInterceptor } from './context.interceptor';
import { MessageErrorsFilter } from './errors.filter';
import { HostModule } from './host.module';
import { NestLogger } from './nest-logger';
import { HEALTH } from './tokens';

export interface ServiceOptions {
  /** Also its queue group: of all replicas one answers a request. */
  readonly name: string;
  /** For a service whose API is HTTP: it answers nothing over NATS, and refuses unknown fields. */
  readonly edge?: HttpEdge;
}

export interface HttpEdge {
  /** Options of the HTTP server. */
  readonly server?: FastifyServerOptions;
  /** Where the API listens, instead of HTTP_HOST and HTTP_PORT. */
  readonly address: (app: NestFastifyApplication) => { readonly host: string; readonly port: number };
  /** Filters, hooks, parsers: after Nest's own, before the routes. There is no body parser but what this adds. */
  readonly configure: (app: NestFastifyApplication) => void | Promise<void>;
}

/** Milliseconds that a stopping service goes on answering what it has accepted. */
const GRACE_MS = 500;

@Module({})
class RootModule {}

const root = (module: Type | DynamicModule, name: string): DynamicModule => ({ module: RootModule, imports: [HostModule.forService(name), module] });

export const validationPipe = (unknownFields: 'ignored' | 'refused' = 'ignored'): ValidationPipe =>
  new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: unknownFields === 'refused',
    forbidUnknownValues: true,
    exceptionFactory: validationFailed,
  });

/** Starts a service: health over HTTP, messages over NATS, one clear line and exit 1 where it cannot. */
export const bootstrapService = async (module: Type | DynamicModule, options: ServiceOptions): Promise<NestFastifyApplication> => {
  const { name } = options;
  const logger = createLogger(name);
  try {
    return await start(module, options, logger);
  } catch (error) {
    logger.fatal({ err: error }, 'cannot start');
    process.stderr.write(`${name} cannot start: ${(error as Error).message}\n`);
    process.exit(1);
  }
};

const start = async (module: Type | DynamicModule, { name, edge }: ServiceOptions, logger: Logger): Promise<NestFastifyApplication> => {
  const started = performance.now();
  planStop(process.env);
  const { NATS_URL, HTTP_HOST, HTTP_PORT } = loadConfig(HostConfig);
  startMetrics(name);
  const adapter = new FastifyAdapter({ ...edge?.server, forceCloseConnections: true });
  const options = { logger: new NestLogger(logger), abortOnError: false, bodyParser: !edge };
  const app = await NestFactory.create<NestFastifyApplication>(root(module, name), adapter, options);
  app.useGlobalPipes(validationPipe(edge ? 'refused' : 'ignored'));
  app.enableShutdownHooks(['SIGTERM', 'SIGINT']);
  if (edge) await edge.configure(app);
  else await answerMessages(app, name, NATS_URL, logger);
  const { host, port } = edge?.address(app) ?? { host: HTTP_HOST, port: HTTP_PORT };
  await app.listen(port, host);
  logger.info({ http: await app.getUrl(), tookMs: Math.round(performance.now() - started) }, 'ready');
  return app;
};

const answerMessages = async (app: NestFastifyApplication, name: string, natsUrl: string, logger: Logger): Promise<void> => {
  app.useGlobalInterceptors(new MessageContextInterceptor());
  app.useGlobalFilters(new MessageErrorsFilter(logger, app.getHttpAdapter()));
  const server = app.connectMicroservice<MicroserviceOptions>(
    {
      transport: Transport.NATS,
      options: {
        ...natsConnectionOptions(natsUrl),
        servers: natsUrl.split(','),
        queue: name,
        name,
        serializer: new AnswerSerializer(),
        gracefulShutdown: true,
        gracePeriod: GRACE_MS,
      },
    },
    { inheritAppConfig: true },
  );
  await app.startAllMicroservices();
  // Requests come over a connection of their own, which comes back at another moment than the one that Messaging has.
  let listening = true;
  server.status.subscribe((status: string) => (listening = status === 'connected'));
  app.get<Health>(HEALTH).register('requests', () => listening || 'requests over NATS are not heard; reconnecting');
};
