import 'reflect-metadata';
import { natsConnectionOptions, validationFailed } from '@ferry/messaging';
import { createLogger, startMetrics, type Logger } from '@ferry/observability';
import { Module, ValidationPipe, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { HostConfig, loadConfig } from './config';
import { MessageContextInterceptor } from './context.interceptor';
import { MessageErrorsFilter } from './errors.filter';
import { HostModule } from './host.module';
import { NestLogger } from './nest-logger';

export interface ServiceOptions {
  /** Also its queue group: of all replicas one answers a request. */
  readonly name: string;
}

/** Milliseconds that a stopping service goes on answering what it has accepted. */
const GRACE_MS = 500;

@Module({})
class RootModule {}

const root = (module: Type | DynamicModule, name: string): DynamicModule => ({ module: RootModule, imports: [HostModule.forService(name), module] });

export const validationPipe = (): ValidationPipe =>
  new ValidationPipe({ transform: true, whitelist: true, forbidUnknownValues: true, exceptionFactory: validationFailed });

/** Starts a service: health over HTTP, messages over NATS, one clear line and exit 1 where it cannot. */
export const bootstrapService = async (module: Type | DynamicModule, { name }: ServiceOptions): Promise<NestFastifyApplication> => {
  const logger = createLogger(name);
  try {
    return await start(module, name, logger);
  } catch (error) {
    logger.fatal({ err: error }, 'cannot start');
    process.stderr.write(`${name} cannot start: ${(error as Error).message}\n`);
    process.exit(1);
  }
};

const start = async (module: Type | DynamicModule, name: string, logger: Logger): Promise<NestFastifyApplication> => {
  const started = performance.now();
  const { NATS_URL, HTTP_HOST, HTTP_PORT } = loadConfig(HostConfig);
  startMetrics(name);
  const adapter = new FastifyAdapter({ forceCloseConnections: true });
  const app = await NestFactory.create<NestFastifyApplication>(root(module, name), adapter, { logger: new NestLogger(logger), abortOnError: false });
  app.useGlobalPipes(validationPipe());
  app.useGlobalInterceptors(new MessageContextInterceptor());
  app.connectMicroservice<MicroserviceOptions>(
    {
      transport: Transport.NATS,
      options: { ...natsConnectionOptions(NATS_URL), servers: NATS_URL.split(','), queue: name, name, gracefulShutdown: true, gracePeriod: GRACE_MS },
    },
    { inheritAppConfig: true },
  );
  app.getMicroservices()[0]!.useGlobalFilters(new MessageErrorsFilter(logger));
  app.enableShutdownHooks(['SIGTERM', 'SIGINT']);
  await app.startAllMicroservices();
  await app.listen(HTTP_PORT, HTTP_HOST);
  logger.info({ http: await app.getUrl(), tookMs: Math.round(performance.now() - started) }, 'ready');
  return app;
};
