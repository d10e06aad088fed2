import { FerryError, START_POSITION, type Position, type RecordedEvent } from '@ferry/kernel';
import type { HealthState, Logger } from '@ferry/observability';
import { setTimeout as wait } from 'node:timers/promises';
import type { Checkpoint, Checkpoints } from './checkpoints';

/** The part of the event store that a runner follows. */
export interface EventSource {
  subscribeAll(options: {
    prefixes: readonly string[];
    from: Position | 'start';
    onEvent: (event: RecordedEvent) => Promise<void>;
    onCheckpoint: (position: Position) => Promise<void>;
    onState: (live: boolean) => void;
  }): { readonly position: Position; readonly live: boolean; close(): Promise<void> };
}

/** Held by one replica at a time. */
export interface LeaseHolder {
  acquire(name: string, ttlMs: number): Promise<{ readonly epoch: number } | undefined>;
  release(name: string): Promise<void>;
}

export interface RunnerOptions {
  /** Also the name of its lease and checkpoint. */
  readonly name: string;
  readonly prefixes: readonly string[];
  /** `mustHold` throws where the lease may be another's by now: asked after reading what a write depends on. */
  readonly onEvent: (event: RecordedEvent, mustHold: () => void) => Promise<void>;
  /** Makes the collection and its indexes; told before the first event and again after they vanished. */
  readonly prepare?: () => Promise<void>;
  /** False where what was prepared is gone. */
  readonly intact?: () => Promise<boolean>;
  /** Removes what earlier events made, before everything is handled again. */
  readonly reset?: () => Promise<void>;
}

/** An event of a newer version: the lease is left to a replica that knows it. */
export const UNKNOWN_EVENT = 'UNKNOWN_EVENT';

const LEASE_MS = 6_000;
const TURN_MS = 1_000;
const CHECKPOINT_EVERY_MS = 250;
const POLL_MS = 25;
/** How long a replica that met an unknown event leaves the lease alone. */
const YIELD_MS = 30_000;

/**
 * Follows events with a checkpoint, in one replica at a time. A missing checkpoint, a refused one or a vanished collection
 * makes it start over: what it does with an event must bear a repeat.
 */
export class Runner {
  private readonly closing = new AbortController();
  private readonly finished: Promise<void>;
  private subscription: ReturnType<EventSource['subscribeAll']> | undefined;
  private written: Checkpoint | undefined;
  private writtenAt = 0;
  private heldUntil = 0;
  private yieldsUntil = 0;
  private restart = false;
  private saving = false;
  private state: HealthState = 'starting';

  constructor(
    private readonly options: RunnerOptions,
    private readonly source: EventSource,
    private readonly checkpoints: Checkpoints,
    private readonly lease: LeaseHolder,
    private readonly logger: Logger,
  ) {
    this.finished = this.run();
  }

  ready(): HealthState {
    return this.state;
  }

  /**
   * Waits until the event at `position` has been handled, here or by the replica that holds the lease.
   * @throws FerryError NOT_YET_VISIBLE after `timeoutMs`
   */
  async waitFor(position: Position, timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (!(await this.reached(position))) {
      if (performance.now() > until) {
        throw new FerryError('NOT_YET_VISIBLE', 'unavailable', `The change is stored but not yet visible in ${this.options.name}. Try again in a moment.`);
      }
      await wait(POLL_MS);
    }
  }

  /**
   * Has everything handled again from the start, by the replica that holds the lease, and waits until it has come to `position`.
   * @throws FerryError NOT_YET_VISIBLE after `timeoutMs`; the work goes on
   */
  async rebuild(position: Position, timeoutMs: number): Promise<void> {
    const before = await this.checkpoints.remove(this.options.name);
    const until = performance.now() + timeoutMs;
    for (;;) {
      const checkpoint = await this.checkpoints.find(this.options.name);
      if (checkpoint && checkpoint.build !== before?.build && checkpoint.position >= position) return;
      if (performance.now() > until) {
        throw new FerryError('NOT_YET_VISIBLE', 'unavailable', `${this.options.name} is still being rebuilt. Ask again later.`);
      }
      await wait(POLL_MS);
    }
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.finished;
  }

  private async reached(position: Position): Promise<boolean> {
    if (this.subscription) return this.subscription.position >= position;
    const checkpoint = await this.checkpoints.find(this.options.name);
    return checkpoint !== undefined && checkpoint.position >= position;
  }

  private async run(): Promise<void> {
    while (!this.closing.signal.aborted) {
      try {
        await this.turn();
      } catch (error) {
        this.state = 'MongoDB is not reachable; trying again';
        this.logger.warn({ err: error, runner: this.options.name }, 'runner could not take its turn');
      }
      await wait(TURN_MS, undefined, { signal: this.closing.signal }).catch((error: Error) => {
        if (error.name !== 'AbortError') throw error;
      });
    }
    await this.stop();
  }

  private async turn(): Promise<void> {
    if (!(await this.takeLease())) {
      await this.stop();
      return;
    }
    if (this.subscription && !this.restart && (await this.isCurrent())) {
      await this.saveCheckpoint(this.subscription.position);
      this.state = this.subscription.live || 'its subscription is not live; trying again';
      return;
    }
    await this.start();
  }

  private async takeLease(): Promise<boolean> {
    const asked = performance.now();
    if (asked < this.yieldsUntil) return false;
    const held = await this.lease.acquire(this.options.name, LEASE_MS);
    this.heldUntil = held ? asked + LEASE_MS : 0;
    if (!held) this.state = true;
    return held !== undefined;
  }

  private async isCurrent(): Promise<boolean> {
    const { name, intact } = this.options;
    const checkpoint = await this.checkpoints.find(name);
    return checkpoint !== undefined && checkpoint.build === this.written?.build && (await (intact?.() ?? true));
  }

  /** Subscribes after the checkpoint, or from the start where there is none or what it stands for is gone. */
  private async start(): Promise<void> {
    const { name, prefixes, prepare, intact, reset } = this.options;
    await this.subscription?.close();
    this.subscription = undefined;
    this.restart = false;
    if (intact && !(await intact())) await this.checkpoints.remove(name);
    if (!(await this.checkpoints.find(name))) await reset?.();
    await prepare?.();
    this.written = await this.checkpoints.start(name);
    this.subscription = this.source.subscribeAll({
      prefixes,
      from: this.written.position === START_POSITION ? 'start' : this.written.position,
      onEvent: (event) => this.handle(event),
      onCheckpoint: (position) => this.checkpoint(position),
      onState: (live) => {
        this.state = live || 'its subscription is not live; trying again';
      },
    });
  }

  private async handle(event: RecordedEvent): Promise<void> {
    try {
      await this.options.onEvent(event, () => this.mustHold());
    } catch (error) {
      if (error instanceof FerryError && error.code === UNKNOWN_EVENT) this.yield(error);
      throw error;
    }
    await this.checkpoint(event.position);
  }

  private mustHold(): void {
    if (performance.now() < this.heldUntil) return;
    throw new FerryError('LEASE_LOST', 'conflict', `${this.options.name} may be another replica's now.`);
  }

  private yield({ message }: FerryError): void {
    this.yieldsUntil = performance.now() + YIELD_MS;
    this.state = message;
    this.logger.error({ runner: this.options.name, reason: message }, 'an event of a newer version; the lease is given up');
  }

  private async stop(): Promise<void> {
    const { subscription } = this;
    if (!subscription) return;
    await subscription.close();
    this.subscription = undefined;
    try {
      await this.saveCheckpoint(subscription.position);
      await this.lease.release(this.options.name);
    } catch (error) {
      this.logger.warn({ err: error, runner: this.options.name }, 'the last checkpoint was not written; some events will be handled again');
    }
  }

  private async checkpoint(position: Position): Promise<void> {
    if (performance.now() - this.writtenAt >= CHECKPOINT_EVERY_MS) await this.saveCheckpoint(position);
  }

  /** A refused condition says that another replica, or a rebuild, was here: the next turn starts over from what is stored. */
  private async saveCheckpoint(position: Position): Promise<void> {
    if (this.saving || this.restart || this.written === undefined || position === this.written.position) return;
    this.saving = true;
    this.writtenAt = performance.now();
    try {
      if (await this.checkpoints.advance(this.written, position)) this.written = { ...this.written, position };
      else this.restart = true;
    } finally {
      this.saving = false;
    }
  }
}
