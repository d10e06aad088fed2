import { FerryError } from '@ferry/kernel';
import { runInContext, type HealthState, type Logger } from '@ferry/observability';
import { withDeadline } from '@ferry/resilience';
import { randomUUID } from 'node:crypto';
import { connect, ErrorCode, Events, NatsError, type Msg, type NatsConnection, type Subscription } from 'nats';
import { natsConnectionOptions } from './options';
import { contextHeaders, contextOf, encodeAnswer, toFerryError, type AnswerPacket, type RequestPacket } from './packet';
import { compileValidator } from './compiled-validator';
import { RequestService, type Served, type ServeOptions } from './request-service';
import { validated } from './validation';

export interface MessagingOptions {
  readonly url: string;
  readonly name: string;
  readonly logger: Logger;
}

export interface Listener {
  close(): void;
}

/** Milliseconds until what was sent must have reached the server. */
const FLUSH_MS = 5_000;
/** Milliseconds for what was accepted to leave at the end: a server that is gone by then would be waited for without end. */
const DRAIN_MS = 2_000;

const encode = (value: unknown): string => JSON.stringify(value);

/** Requests, answers and notices over NATS core. One connection; it reconnects for ever. */
export class Messaging {
  private readonly reconnectListeners = new Set<() => void>();
  private up = true;
  /** Since when (milliseconds of the monotonic clock) the connection has been up without a break. */
  private upSince = performance.now();

  private constructor(
    private readonly connection: NatsConnection,
    private readonly logger: Logger,
  ) {
    void this.watch();
  }

  static async connect({ url, name, logger }: MessagingOptions): Promise<Messaging> {
    return new Messaging(await connect({ ...natsConnectionOptions(url), name }), logger);
  }

  get connected(): boolean {
    return this.up && !this.connection.isClosed();
  }

  /** Milliseconds that the connection has been up without a break; 0 while it is down. */
  get connectedForMs(): number {
    return this.connected ? performance.now() - this.upSince : 0;
  }

  ready(): HealthState {
    return this.connected || 'NATS is not connected; reconnecting';
  }

  onReconnect(listener: () => void): Listener {
    this.reconnectListeners.add(listener);
    return { close: () => void this.reconnectListeners.delete(listener) };
  }

  /**
   * Asks and waits for the answer.
   * @throws FerryError the other side's own error; SERVICE_UNAVAILABLE where nobody listens; REQUEST_TIMEOUT after `timeoutMs`
   */
  async request<Answer>(subject: string, data: object, { timeoutMs }: { timeoutMs: number }): Promise<Answer> {
    const packet: RequestPacket = { pattern: subject, data, id: randomUUID() };
    let reply: Msg;
    try {
      reply = await this.connection.request(subject, encode(packet), { timeout: timeoutMs, headers: contextHeaders() });
    } catch (error) {
      throw this.requestFailed(subject, timeoutMs, error);
    }
    const answer = reply.json<AnswerPacket>();
    if (answer.err !== undefined && answer.err !== null) throw toFerryError(answer.err);
    return answer.response as Answer;
  }

  publish(subject: string, data: object): void {
    this.connection.publish(subject, encode(data), { headers: contextHeaders() });
  }

  /** Every subscriber gets every message. A handler's error is logged and the next message comes. */
  subscribe<T>(subject: string, handler: (data: T, subject: string) => void | Promise<void>): Listener {
    return this.listen(subject, async (message) => {
      try {
        await handler(message.json<T>(), message.subject);
      } catch (error) {
        this.logger.error({ err: error, subject: message.subject }, 'a notice could not be handled');
      }
    });
  }

  /** Answers requests in this process alone (no queue group); a thrown error reaches the caller with its code. */
  respond<T extends object>(subject: string, type: new () => T, handler: (data: T, subject: string) => Promise<unknown>): Listener {
    return this.listen(subject, async (message) => {
      let answer: AnswerPacket;
      try {
        const { data } = message.json<RequestPacket>();
        answer = { response: await handler(validated(type, data), message.subject), isDisposed: true };
      } catch (error) {
        const told = toFerryError(error);
        if (told.code === 'INTERNAL') this.logger.error({ err: error, subject: message.subject }, 'a request failed');
        answer = { err: told.toJSON(), isDisposed: true };
      }
      message.respond(encodeAnswer(answer));
    });
  }

  /**
   * Answers requests as one of the queue group's members, without the ways of a framework: the class's rules are compiled once, and
   * what `quick` knows is answered in the turn in which it came. Everything else goes to the handler, in the sender's context.
   */
  serve<T extends object>(subject: string, type: new () => T, handler: (data: T) => Promise<unknown>, { queue, quick }: ServeOptions<T>): Served {
    const service = new RequestService(subject, compileValidator(type), handler, quick, this.logger);
    const subscription = this.connection.subscribe(subject, {
      queue,
      callback: (error, message) => (error ? this.logger.error({ err: error, subject }, 'a subscription failed') : service.take(message)),
    });
    return service.served(subscription);
  }

  /** Waits until everything sent so far has reached the server. */
  async flush(): Promise<void> {
    await withDeadline(this.connection.flush(), FLUSH_MS, 'Reaching the message bus');
  }

  async close(): Promise<void> {
    if (this.connection.isClosed()) return;
    try {
      if (this.up) await withDeadline(this.connection.drain(), DRAIN_MS, 'Draining the message bus');
    } catch (error) {
      this.logger.warn({ err: error }, 'the message bus went away while this process stopped');
    }
    await this.connection.close();
  }

  private listen(subject: string, onMessage: (message: Msg) => Promise<void>): Listener {
    const subscription: Subscription = this.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) this.logger.error({ err: error, subject }, 'a subscription failed');
        else void runInContext(contextOf(message.headers), () => onMessage(message)).catch((failure: unknown) => this.logger.warn({ err: failure, subject }, 'an answer could not be sent'));
      },
    });
    return { close: () => subscription.unsubscribe() };
  }

  private requestFailed(subject: string, timeoutMs: number, error: unknown): FerryError {
    if (error instanceof NatsError && error.code === ErrorCode.NoResponders) {
      return new FerryError('SERVICE_UNAVAILABLE', 'unavailable', `Nobody answers ${subject} now. Try again in some seconds.`, { subject });
    }
    if (error instanceof NatsError && error.code === ErrorCode.Timeout) {
      return new FerryError('REQUEST_TIMEOUT', 'timeout', `${subject} was not answered within ${timeoutMs} ms. Try again.`, { subject });
    }
    this.logger.warn({ err: error, subject }, 'a request could not be sent');
    return new FerryError('SERVICE_UNAVAILABLE', 'unavailable', 'The message bus is not reachable now. Try again in some seconds.', { subject });
  }

  private async watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === Events.Disconnect) {
        this.up = false;
        this.logger.warn('NATS disconnected');
      } else if (status.type === Events.Reconnect) {
        this.up = true;
        this.upSince = performance.now();
        this.logger.info('NATS reconnected');
        for (const listener of this.reconnectListeners) listener();
      }
    }
  }
}
