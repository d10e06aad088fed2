import { toFerryError } from '@ferry/messaging';
import type { Logger } from '@ferry/observability';
import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { throwError, type Observable } from 'rxjs';

/** A handler's error as the caller gets it: code, category and message; what is not ours is logged here and told as INTERNAL. */
@Catch()
export class MessageErrorsFilter implements RpcExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown): Observable<never> {
    const told = toFerryError(error);
    if (told.code === 'INTERNAL') this.logger.error({ err: error }, 'a request failed');
    return throwError(() => told.toJSON());
  }
}
