import { FerryError, type Position, type RecordedEvent } from '@ferry/kernel';
import type { HealthState, Logger } from '@ferry/observability';
import { setTimeout as wait } from 'node:timers/promises';
import type { Checkpoints } from './checkpoints';

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
  readonly onEvent: (event: RecordedEvent) => Promise<void>;
  /** Makes the collection and its indexes; told before the first event and again after they vanished. */
  readonly prepare?: () => Promise<void>;
  /** False where what was prepared is gone. */
  readonly intact?: () => Promise<boolean>;
}

const LEASE_MS = 6_000;
const TURN_MS = 1_000;
const CHECKPOINT_EVERY_MS = 250;
const POLL_MS = 25;

/**
 * Follows events with a checkpoint, in one replica at a time. A missing checkpoint, a refused one or a vanished collection
 * makes it start over: what it does with an event must bear a repeat.
 */
export class Runner {
  private readonly closing = new AbortController();
  private readonly finished: Promise<void>;
  private subscription: ReturnType<EventSource['subscribeAll']> | undefined;
  private written: Position | undefined;
  private writtenAt = 0;
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

  /** Forgets the checkpoint: everything is handled again from the start. */
  async rebuild(): Promise<void> {
    await this.checkpoints.remove(this.options.name);
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.finished;
  }

  private async reached(position: Position): Promise<boolean> {
    if (this.subscription) return this.subscription.position >= position;
    const checkpoint = await this.checkpoints.read(this.options.name);
    return checkpoint !== undefined && checkpoint >= position;
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
    const { name, intact } = this.options;
    if (!(await this.lease.acquire(name, LEASE_MS))) {
      await this.stop();
      this.state = true;
      return;
    }
    const kept = this.subscription && !this.restart && (await this.checkpoints.read(name)) !== undefined && (await (intact?.() ?? true));
    if (kept) {
      await this.saveCheckpoint(this.subscription!.position);
      this.state = this.subscription!.live || 'its subscription is not live; trying again';
      return;
    }
    await this.start();
  }

  /** Subscribes after the checkpoint, or from the start where there is none or what it stands for is gone. */
  private async start(): Promise<void> {
    const { name, prefixes, prepare, intact } = this.options;
    await this.subscription?.close();
    this.subscription = undefined;
    this.restart = false;
    if (intact && !(await intact())) await this.checkpoints.remove(name);
    await prepare?.();
    this.written = await this.checkpoints.start(name);
    this.subscription = this.source.subscribeAll({
      prefixes,
      from: this.written,
      onEvent: async (event) => {
        await this.options.onEvent(event);
        await this.checkpoint(event.position);
      },
      onCheckpoint: (position) => this.checkpoint(position),
      onState: (live) => {
        this.state = live || 'its subscription is not live; trying again';
      },
    });
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
    if (this.saving || this.restart || this.written === undefined || position === this.written) return;
    this.saving = true;
    this.writtenAt = performance.now();
    try {
      if (await this.checkpoints.advance(this.options.name, this.written, position)) this.written = position;
      else this.restart = true;
    } finally {
      this.saving = false;
    }
  }
}
