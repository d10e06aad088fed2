import { FerryError } from '@ferry/kernel';
import { toFerryError } from '@ferry/messaging';
import type { Logger } from '@ferry/observability';
import { Catch, type ArgumentsHost, type HttpServer } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { throwError, type Observable } from 'rxjs';

/** By name: the driver is loaded by those services only that need it. */
const MONGODB_AWAY =
  /^(Mongo(Network|NetworkTimeout|ServerSelection|WaitQueueTimeout|NotConnected|OperationTimeout|PoolCleared|PoolClosed|ServerClosed|TopologyClosed)Error|PoolClearedOnNetworkError)$/;
/** What a server says that is going down or no longer the primary. */
const SHUTTING_DOWN = new Set<unknown>([91, 189, 10_107, 11_600, 11_602, 13_435, 13_436]);
/** A write to a connection that the server has just closed reaches the caller as the socket's own error. */
const SOCKET_GONE = new Set<unknown>(['EPIPE', 'ECONNRESET', 'ECONNREFUSED']);

const isMongoAway = (error: unknown): boolean => {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  if (SOCKET_GONE.has(code)) return true;
  return typeof name === 'string' && (MONGODB_AWAY.test(name) || (name === 'MongoServerError' && SHUTTING_DOWN.has(code)));
};

const readModelsUnavailable = (): FerryError =>
  new FerryError('READ_MODELS_UNAVAILABLE', 'unavailable', 'The read models are not reachable now. Try again in some seconds.');

/** A handler's error as the caller gets it: code, category and message; what is not ours is logged here and told as INTERNAL. */
@Catch()
export class MessageErrorsFilter extends BaseExceptionFilter {
  constructor(
    private readonly logger: Logger,
    http: HttpServer,
  ) {
    super(http);
  }

  override catch(error: unknown, host: ArgumentsHost): Observable<never> | void {
    if (host.getType() !== 'rpc') return super.catch(error, host);
    const told = isMongoAway(error) ? readModelsUnavailable() : toFerryError(error);
    if (told.code === 'INTERNAL') this.logger.error({ err: error }, 'a request failed');
    return throwError(() => told.toJSON());
  }
}
