import type { EventStore, EventSubscription } from '@ferry/event-store';
import type { Position, RecordedEvent } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';

/** Milliseconds between two looks at the end of the log. */
const LOOK_MS = 1_000;
/** Milliseconds that a proof counts. */
const PROVEN_MS = 2_000;
const BEAT_MS = 50;
/** Milliseconds without a beat after which the process counts as frozen: what came meanwhile may not be handled yet. */
const FROZEN_MS = 200;

export interface LiveLogOptions {
  readonly store: Pick<EventStore, 'head' | 'subscribeAll'>;
  readonly prefixes: readonly string[];
  readonly onEvent: (event: RecordedEvent) => void;
  readonly logger: Logger;
}

/**
 * Follows the log from its present end, and knows whether what was told is all there is. That is proven, not believed: each second
 * the log's end is read, and when the subscription has passed it, everything was told that stood there when the question was sent.
 * The proof counts for two seconds from that moment. A process that stood still (stopped, starved) has to prove it again.
 */
export class LiveLog {
  private subscription: EventSubscription | undefined;
  private looking = false;
  private asked: { readonly at: number; readonly head: Position } | undefined;
  private provenAt = -Infinity;
  private beatAt = -Infinity;
  private timers: NodeJS.Timeout[] = [];

  constructor(private readonly options: LiveLogOptions) {}

  start(): void {
    this.beatAt = performance.now();
    this.timers = [setInterval(() => this.beat(), BEAT_MS), setInterval(() => void this.look(), LOOK_MS)];
    void this.look();
  }

  /** Whether everything that the log had at most two seconds ago was told, and the process has not stood still since. */
  get live(): boolean {
    const now = performance.now();
    return now - this.provenAt < PROVEN_MS && now - this.beatAt < FROZEN_MS;
  }

  async close(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    this.timers = [];
    this.provenAt = -Infinity;
    await this.subscription?.close();
  }

  private beat(): void {
    const now = performance.now();
    if (now - this.beatAt >= FROZEN_MS) {
      this.provenAt = -Infinity;
      this.asked = undefined;
      void this.look();
    }
    this.beatAt = now;
  }

  private async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    const at = performance.now();
    try {
      const head = await this.options.store.head();
      if (!this.timers.length) return;
      this.subscription ??= this.follow(head);
      // A question of before a standstill proves nothing about after it.
      if (performance.now() - this.beatAt < FROZEN_MS) this.asked = { at, head };
      this.passed(this.subscription.position);
    } catch (error) {
      this.options.logger.debug({ err: error }, 'the end of the log could not be read');
    } finally {
      this.looking = false;
    }
  }

  private follow(from: Position): EventSubscription {
    return this.options.store.subscribeAll({
      prefixes: this.options.prefixes,
      from,
      onEvent: (event) => {
        this.options.onEvent(event);
        this.passed(event.position);
      },
      onCheckpoint: (position) => this.passed(position),
    });
  }

  private passed(position: Position): void {
    if (!this.asked || position < this.asked.head) return;
    this.provenAt = Math.max(this.provenAt, this.asked.at);
    this.asked = undefined;
  }
}
