import { DOWNLOAD_CATEGORY } from '@ferry/domain/download/events';
import { TRANSFER_CATEGORY } from '@ferry/domain/transfer/events';
import type { EventStore, EventSubscription } from '@ferry/event-store';
import { START_POSITION, type Position, type RecordedEvent } from '@ferry/kernel';
import { Injectable } from '@nestjs/common';
import type { HealthState } from '@ferry/observability';
import { isEnd, OpenRuns, runIdOf, type OpenEntry } from './open-runs';

export interface IndexListener {
  /** A run changed; without entry: it is not open any more. */
  readonly onRun: (runId: string, entry: OpenEntry | undefined) => void;
  /** Caught up with the log, once more. */
  readonly onLive: () => void;
}

/** The open runs, from the log: every replica knows the whole queue. Bounded by what is open. */
@Injectable()
export class RunIndex {
  private readonly runs = new OpenRuns((runId, entry) => this.listener?.onRun(runId, entry));
  private readonly waiting = new Map<string, Set<() => void>>();
  private subscription: EventSubscription | undefined;
  private listener: IndexListener | undefined;
  private events = 0;

  /** From the snapshot, where there is one, else from the first event. */
  follow(store: EventStore, listener: IndexListener, snapshot?: { readonly position: Position; readonly entries: readonly object[] }): void {
    this.listener = listener;
    if (snapshot) this.runs.restore(snapshot.entries);
    this.subscription = store.subscribeAll({
      prefixes: [TRANSFER_CATEGORY, DOWNLOAD_CATEGORY],
      from: snapshot?.position ?? 'start',
      onEvent: (event) => this.apply(event),
      onState: (live) => live && listener.onLive(),
    });
  }

  /** What is not live may have missed an end: nobody is taken over then. */
  get live(): boolean {
    return this.subscription?.live ?? false;
  }

  get size(): number {
    return this.runs.size;
  }

  ready(): HealthState {
    return this.live || 'the queue of runs is not live; subscribing';
  }

  get(runId: string): OpenEntry | undefined {
    return this.runs.get(runId);
  }

  /** The open runs. */
  entries(): IterableIterator<OpenEntry> {
    return this.runs.entries();
  }

  /** The state after the last event, for those who begin later. */
  snapshot(): { readonly position: Position; readonly entries: readonly object[] } {
    return { position: this.subscription?.position ?? START_POSITION, entries: this.runs.toJSON() };
  }

  /** How many events were applied since the start. */
  get applied(): number {
    return this.events;
  }

  /** Resolves when the log says that the run, known open at `since`, has ended; at the latest after `timeoutMs`: ask the stream then. */
  async ended(runId: string, since: Position, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.subscription && this.subscription.position >= since && !this.runs.has(runId)) return;
    await new Promise<void>((resolve) => {
      const listeners = this.waiting.get(runId) ?? new Set();
      this.waiting.set(runId, listeners);
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        listeners.delete(done);
        if (!listeners.size) this.waiting.delete(runId);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      signal.addEventListener('abort', done, { once: true });
      listeners.add(done);
    });
  }

  async close(): Promise<void> {
    await this.subscription?.close();
  }

  private apply(event: RecordedEvent): void {
    this.events += 1;
    this.runs.apply(event);
    if (!isEnd(event.type)) return;
    const runId = runIdOf(event.data as Parameters<typeof runIdOf>[0]);
    for (const listener of [...(this.waiting.get(runId ?? '') ?? [])]) listener();
  }
}
