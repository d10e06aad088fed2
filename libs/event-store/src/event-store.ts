import { START_POSITION, toPosition, type Command, type DomainEvent, type EventMetadata, type Position, type RecordedEvent, type StreamDefinition, type Token } from '@ferry/kernel';
import type { HealthState, Logger } from '@ferry/observability';
import { backoff, serially } from '@ferry/resilience';
import { BACKWARDS, END, EventStoreDBClient, jsonEvent, NO_STREAM, START, type JSONType } from '@eventstore/db-client';
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { CommandMemory } from './command-memory';
import { toRecorded } from './convert';
import { isDoubtful, isStreamNotFound, isWrongRevision, storeUnavailable, tooMuchContention, unknownEvent } from './errors';
import { EventSubscription, type SubscribeOptions } from './subscription';

/** Milliseconds for one call to the store. */
const CALL_DEADLINE_MS = 5_000;
/** Tries of one append whose answer was lost, with the same event ids. */
const RESENDS = 5;
/** Fresh decisions after another writer was faster. */
const DECISIONS = 10;
const RETRY = { baseMs: 50, maxMs: 1_000 };
const PAGE = 500;

export interface Loaded<State> {
  readonly state: State;
  /** Of the last event; -1 where there is none. */
  readonly revision: number;
  readonly position: Position;
  readonly commands: CommandMemory;
}

export interface HandleOptions<S, C extends Command, E extends DomainEvent> {
  readonly definition: StreamDefinition<S, C, E>;
  readonly stream: string;
  readonly command: C;
  readonly metadata: EventMetadata;
}

export interface Handled<S, E> {
  /** What this call appended; empty where the command changed nothing. */
  readonly events: readonly E[];
  readonly state: S;
  readonly token: Token;
}

export interface RecordOptions<E extends DomainEvent> {
  readonly stream: string;
  readonly events: readonly E[];
  readonly metadata: EventMetadata;
}

/** What an append came to: written, or refused because the stream is at another revision. */
type Appended = { readonly token: Token } | { readonly actualRevision: number };

/** EventStoreDB as Ferry uses it: load, decide, append at the expected revision, subscribe. */
export class EventStore {
  private readonly inTurn = serially();
  private readonly subscriptions = new Set<EventSubscription>();
  /** Last revisions of the streams that this process records to. */
  private readonly tails = new Map<string, number>();
  private reachable: HealthState = true;

  private constructor(
    private readonly client: EventStoreDBClient,
    private readonly logger: Logger,
  ) {}

  static connect({ url, logger }: { url: string; logger: Logger }): EventStore {
    return new EventStore(EventStoreDBClient.connectionString(url), logger);
  }

  /** The events from revision `from` on; none where there is no such stream. */
  async read<E extends DomainEvent>(stream: string, { from = 0, maxCount }: { from?: number; maxCount?: number } = {}): Promise<RecordedEvent<E>[]> {
    return this.guarded(async () => {
      const events: RecordedEvent<E>[] = [];
      try {
        const options = { fromRevision: BigInt(from), ...(maxCount ? { maxCount } : {}), deadline: CALL_DEADLINE_MS };
        for await (const resolved of this.client.readStream(stream, options)) {
          const event = toRecorded<E>(resolved);
          if (event) events.push(event);
        }
      } catch (error) {
        if (!isStreamNotFound(error)) throw error;
      }
      return events;
    });
  }

  /** @throws FerryError UNKNOWN_EVENT where the stream holds an event that this version does not know */
  async load<S, C extends Command, E extends DomainEvent>(definition: StreamDefinition<S, C, E>, stream: string): Promise<Loaded<S>> {
    const { decider, eventTypes } = definition;
    const commands = new CommandMemory(stream);
    let state = decider.initialState();
    let revision = -1;
    let position = START_POSITION;
    for (;;) {
      const events = await this.read<E>(stream, { from: revision + 1, maxCount: PAGE });
      for (const event of events) {
        if (!eventTypes.includes(event.type)) throw unknownEvent(stream, event.type);
        state = decider.evolve(state, event as unknown as E);
        commands.remember(event);
        ({ revision, position } = event);
      }
      if (events.length < PAGE) return { state, revision, position, commands };
    }
  }

  /**
   * Decides on the present state and appends what follows. Another writer's append means a fresh decision, a bounded number
   * of times; in one process the writers of one stream take turns. A client's command that the stream has seen changes nothing.
   * @throws FerryError what the decider refuses with; CONTENTION; EVENT_STORE_UNAVAILABLE
   */
  handle<S, C extends Command, E extends DomainEvent>(options: HandleOptions<S, C, E>): Promise<Handled<S, E>> {
    return this.inTurn(options.stream, () => this.decideAndAppend(options));
  }

  /**
   * Appends facts that need no decision, without reading the stream, however long it is: at the revision that this process
   * wrote last, else at the one that the store names. For the few streams that have one writer.
   * @throws FerryError CONTENTION; EVENT_STORE_UNAVAILABLE
   */
  record<E extends DomainEvent>({ stream, events, metadata }: RecordOptions<E>): Promise<Token> {
    return this.inTurn(stream, async () => {
      for (let attempt = 1; attempt <= DECISIONS; attempt += 1) {
        const appended = await this.append(stream, events, this.tails.get(stream) ?? -1, metadata);
        this.tails.set(stream, 'token' in appended ? appended.token.revision : appended.actualRevision);
        if ('token' in appended) return appended.token;
      }
      throw tooMuchContention(stream);
    });
  }

  /**
   * Lets the store drop the stream's events after so many seconds. A stream that has metadata already keeps it.
   * @throws FerryError EVENT_STORE_UNAVAILABLE
   */
  async limitAge(stream: string, seconds: number): Promise<void> {
    await this.guarded(async () => {
      try {
        await this.client.setStreamMetadata(stream, { maxAge: seconds }, { expectedRevision: NO_STREAM, deadline: CALL_DEADLINE_MS });
      } catch (error) {
        if (!isWrongRevision(error)) throw error;
      }
    });
  }

  subscribeAll(options: SubscribeOptions): EventSubscription {
    const subscription = new EventSubscription(this.client, options, this.logger);
    this.subscriptions.add(subscription);
    return subscription;
  }

  /** The position of the newest event of all. */
  async head(): Promise<Position> {
    return this.guarded(async () => {
      const newest = this.client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1, deadline: CALL_DEADLINE_MS });
      let position = START_POSITION;
      // Read to its end: a stream that is left early stays open in the client for ever.
      for await (const { event, commitPosition } of newest) position = toPosition(event?.position.commit ?? commitPosition ?? 0n);
      return position;
    });
  }

  /** Every event of the store with a stream name of these prefixes, in order; for exports and audits. */
  async *readAll(prefixes: readonly string[]): AsyncGenerator<RecordedEvent> {
    for await (const resolved of this.client.readAll({ fromPosition: START })) {
      const event = toRecorded(resolved);
      if (event && prefixes.some((prefix) => event.streamName.startsWith(prefix))) yield event;
    }
  }

  ready(): HealthState {
    return this.reachable;
  }

  /** Asks the server for its newest event; what `ready` says afterwards is what came of it. */
  async probe(): Promise<void> {
    await this.head();
  }

  async close(): Promise<void> {
    await Promise.all([...this.subscriptions].map((subscription) => subscription.close()));
    await this.client.dispose();
  }

  private async decideAndAppend<S, C extends Command, E extends DomainEvent>(options: HandleOptions<S, C, E>): Promise<Handled<S, E>> {
    const { definition, stream, command, metadata } = options;
    for (let attempt = 1; attempt <= DECISIONS; attempt += 1) {
      const { state, revision, position, commands } = await this.load(definition, stream);
      const seen = commands.find(metadata);
      if (seen) return { events: [], state, token: seen };
      const events = definition.decider.decide(command, state);
      if (!events.length) return { events, state, token: { stream, revision, position } };
      const appended = await this.append(stream, events, revision, metadata);
      if ('token' in appended) return { events, state: events.reduce(definition.decider.evolve, state), token: appended.token };
      await wait(backoff(attempt, RETRY));
    }
    throw tooMuchContention(stream);
  }

  /** A lost answer is asked for again with the same ids, which the store compares. */
  private async append(stream: string, events: readonly DomainEvent[], revision: number, metadata: EventMetadata): Promise<Appended> {
    const written = events.map(({ type, data }) => jsonEvent({ id: randomUUID(), type, data: data as JSONType, metadata: { ...metadata } }));
    const options = { expectedRevision: revision < 0 ? (NO_STREAM as typeof NO_STREAM) : BigInt(revision), deadline: CALL_DEADLINE_MS };
    for (let attempt = 1; ; attempt += 1) {
      try {
        const result = await this.client.appendToStream(stream, written, options);
        this.reachable = true;
        return { token: { stream, revision: Number(result.nextExpectedRevision), position: toPosition(result.position?.commit ?? 0n) } };
      } catch (error) {
        if (isWrongRevision(error)) return { actualRevision: typeof error.actualVersion === 'bigint' ? Number(error.actualVersion) : -1 };
        if (!isDoubtful(error)) throw error;
        this.down(error);
        if (attempt >= RESENDS) throw storeUnavailable();
        await wait(backoff(attempt, RETRY) + 50);
      }
    }
  }

  private async guarded<T>(call: () => Promise<T>): Promise<T> {
    try {
      const result = await call();
      this.reachable = true;
      return result;
    } catch (error) {
      if (!isDoubtful(error)) throw error;
      this.down(error);
      throw storeUnavailable();
    }
  }

  private down(error: unknown): void {
    if (this.reachable === true) this.logger.warn({ err: error }, 'the event store is not reachable');
    this.reachable = 'EventStoreDB is not reachable; trying again';
  }
}
