import { fromPosition, START_POSITION, toPosition, type Position, type RecordedEvent } from '@ferry/kernel';
import { currentContext, runInContext, type Logger } from '@ferry/observability';
import { backoff } from '@ferry/resilience';
import { START, streamNameFilter, type AllStreamResolvedEvent, type EventStoreDBClient } from '@eventstore/db-client';
import { setTimeout as wait } from 'node:timers/promises';
import { toRecorded } from './convert';
import { OrderedReader } from './ordered-reader';

export interface SubscribeOptions {
  /** Stream-name prefixes, e.g. `asset-`. */
  readonly prefixes: readonly string[];
  /** After which position. */
  readonly from: Position | 'start';
  /** Handled one at a time, in order. A throw means: not handled; the subscription starts again after the last handled position. */
  readonly onEvent: (event: RecordedEvent) => Promise<void> | void;
  /** All events up to this position are handled, those that do not match included. */
  readonly onCheckpoint?: (position: Position) => Promise<void> | void;
  /** True when caught up, false when the connection or the handler failed. */
  readonly onState?: (live: boolean) => void;
}

const RETRY = { baseMs: 200, maxMs: 5_000 };

/**
 * A catch-up subscription to `$all` that does not end: a failed one is dead (the client never resubscribes), so it is made
 * anew after the last handled position, with backoff, until it is closed.
 */
export class EventSubscription {
  private readonly closing = new AbortController();
  private readonly finished: Promise<void>;
  private handled: Position;
  private isLive = false;

  constructor(
    private readonly client: EventStoreDBClient,
    private readonly options: SubscribeOptions,
    private readonly logger: Logger,
  ) {
    this.handled = options.from === 'start' ? START_POSITION : options.from;
    this.finished = this.run();
  }

  /** Caught up, and the connection has not failed since. */
  get live(): boolean {
    return this.isLive;
  }

  /** The last handled position. */
  get position(): Position {
    return this.handled;
  }

  /** Ends after the event that is being handled. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.finished;
  }

  private async run(): Promise<void> {
    for (let attempt = 1; !this.closing.signal.aborted; attempt += 1) {
      const before = this.handled;
      try {
        await this.follow();
      } catch (error) {
        if (this.handled !== before) attempt = 1;
        this.logger.warn({ err: error, prefixes: this.options.prefixes, position: this.handled }, 'subscription failed; subscribing again');
      }
      this.setLive(false);
      if (this.closing.signal.aborted) return;
      await wait(backoff(attempt, RETRY) + 50, undefined, { signal: this.closing.signal }).catch(ignoreAbort);
    }
  }

  /** One life of a subscription; returns when closed, throws when it failed. */
  private async follow(): Promise<void> {
    const subscription = this.client.subscribeToAll({
      fromPosition: this.handled === START_POSITION ? START : samePosition(this.handled),
      filter: streamNameFilter({
        prefixes: [...this.options.prefixes],
        maxSearchWindow: 1,
        checkpointReached: async (_, { commit }) => {
          await reader.idle();
          if (reader.failed) return;
          try {
            await this.passed(toPosition(commit));
          } catch (error) {
            // The client awaits this where nothing handles a rejection: it would end the process.
            reader.fail(error as Error);
          }
        },
      }),
    });
    const reader = new OrderedReader<AllStreamResolvedEvent>(subscription);
    subscription.on('caughtUp', () => void reader.idle().then(() => this.setLive(!reader.failed)));
    const onAbort = () => reader.stop();
    this.closing.signal.addEventListener('abort', onAbort, { once: true });
    try {
      await reader.drain((resolved) => this.handle(resolved));
    } finally {
      this.closing.signal.removeEventListener('abort', onAbort);
      await subscription.unsubscribe();
    }
  }

  private async handle(resolved: AllStreamResolvedEvent): Promise<void> {
    const event = toRecorded(resolved);
    if (!event || event.position <= this.handled) return;
    const { $correlationId: correlationId, traceparent } = event.metadata;
    const context = { correlationId: correlationId || currentContext().correlationId, causationId: event.id, ...(traceparent ? { traceparent } : {}) };
    await runInContext(context, async () => this.options.onEvent(event));
    this.handled = event.position;
  }

  private async passed(position: Position): Promise<void> {
    if (position <= this.handled) return;
    this.handled = position;
    await this.options.onCheckpoint?.(position);
  }

  private setLive(live: boolean): void {
    if (this.isLive === live) return;
    this.isLive = live;
    this.options.onState?.(live);
  }
}

const samePosition = (position: Position) => ({ commit: fromPosition(position), prepare: fromPosition(position) });

const ignoreAbort = (error: unknown): void => {
  if ((error as Error).name !== 'AbortError') throw error;
};
