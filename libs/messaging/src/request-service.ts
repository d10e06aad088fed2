import { runInContext, type Logger } from '@ferry/observability';
import { withDeadline } from '@ferry/resilience';
import type { Msg, Subscription } from 'nats';
import { contextOf, encodeAnswer, toFerryError, type RequestPacket } from './packet';

export interface ServeOptions<T> {
  /** Of all members of the group one gets a request. */
  readonly queue: string;
  /**
   * The answer as JSON text where it is known at once, else undefined: then the handler is asked. Runs outside of the sender's
   * context, so it must not append or ask anything.
   */
  readonly quick?: (data: T) => string | undefined;
}

export interface Served {
  /** Takes nothing more, and waits until what was taken is answered, at most for the grace time. */
  close(): Promise<void>;
}

/** Milliseconds for what was accepted to be answered at the end. */
const GRACE_MS = 2_000;

/** Answers the requests of one subject. */
export class RequestService<T extends object> {
  private readonly working = new Set<Promise<void>>();

  constructor(
    private readonly subject: string,
    private readonly validate: (data: unknown) => T,
    private readonly handler: (data: T) => Promise<unknown>,
    private readonly quick: ((data: T) => string | undefined) | undefined,
    private readonly logger: Logger,
  ) {}

  take(message: Msg): void {
    let data: T;
    try {
      data = this.validate((JSON.parse(textOf(message.data)) as RequestPacket).data);
      const known = this.quick?.(data);
      if (known !== undefined) {
        message.respond(Buffer.from(`{"response":${known},"isDisposed":true}`));
        return;
      }
    } catch (error) {
      this.refuse(message, error);
      return;
    }
    const work = runInContext(contextOf(message.headers), () => this.answer(message, data));
    this.working.add(work);
    void work.finally(() => this.working.delete(work));
  }

  served(subscription: Subscription): Served {
    return {
      close: async () => {
        if (!subscription.isClosed()) await withDeadline(subscription.drain(), GRACE_MS, 'Leaving the queue group');
        await withDeadline(Promise.all(this.working), GRACE_MS, 'Answering what was asked');
      },
    };
  }

  private async answer(message: Msg, data: T): Promise<void> {
    try {
      message.respond(encodeAnswer({ response: await this.handler(data), isDisposed: true }));
    } catch (error) {
      this.refuse(message, error);
    }
  }

  private refuse(message: Msg, error: unknown): void {
    const told = toFerryError(error instanceof SyntaxError ? undefined : error);
    if (told.code === 'INTERNAL') this.logger.error({ err: error, subject: this.subject }, 'a request failed');
    try {
      message.respond(encodeAnswer({ err: told.toJSON(), isDisposed: true }));
    } catch (failure) {
      this.logger.warn({ err: failure, subject: this.subject }, 'an answer could not be sent');
    }
  }
}

const textOf = ({ buffer, byteOffset, byteLength }: Uint8Array): string => Buffer.from(buffer, byteOffset, byteLength).toString('utf8');
