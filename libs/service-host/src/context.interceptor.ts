import { contextOf } from '@ferry/messaging';
import { runInContext } from '@ferry/observability';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { NatsContext } from '@nestjs/microservices';
import { Observable } from 'rxjs';

/** A handler runs in the story of the message that called it. */
export class MessageContextInterceptor implements NestInterceptor {
  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (execution.getType() !== 'rpc') return next.handle();
    const context = contextOf(execution.switchToRpc().getContext<NatsContext>().getHeaders());
    return new Observable((subscriber) => runInContext(context, () => next.handle().subscribe(subscriber)));
  }
}
