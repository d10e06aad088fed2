import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';

/** Which story the work at hand belongs to. Travels in message headers and into event metadata. */
export interface WorkContext {
  readonly correlationId: string;
  /** The id of the message or event that this is a consequence of. */
  readonly causationId?: string;
  /** W3C trace context. */
  readonly traceparent?: string;
}

const storage = new AsyncLocalStorage<WorkContext>();

export const runInContext = <T>(context: WorkContext, work: () => T): T => storage.run(context, work);

/** The current story; outside of one, the beginning of a new one. */
export const currentContext = (): WorkContext => storage.getStore() ?? { correlationId: randomUUID() };
