import { DOWNLOAD_CATEGORY, type DownloadEvent } from '@ferry/domain/download/events';
import { TRANSFER_CATEGORY, type TransferEvent } from '@ferry/domain/transfer/events';
import type { EventStore, EventSubscription } from '@ferry/event-store';
import type { Position, RecordedEvent } from '@ferry/kernel';
import { Injectable } from '@nestjs/common';
import type { HealthState } from '@ferry/observability';

export type RunKind = 'transfer' | 'download';

/** An open run, as the log says. */
export interface OpenEntry {
  readonly kind: RunKind;
  readonly runId: string;
  readonly owner: string;
  /** 0 where nobody has claimed it. */
  readonly epoch: number;
  readonly workerId?: string;
}

type RunEvent = TransferEvent | DownloadEvent;

const ENDS: ReadonlySet<string> = new Set([
  'TransferCompleted',
  'TransferFailed',
  'TransferCancelled',
  'DownloadCompleted',
  'DownloadFailed',
  'DownloadCancelled',
] satisfies RunEvent['type'][]);

const runIdOf = (data: RunEvent['data']): string | undefined =>
  'downloadId' in data ? data.downloadId : 'transferId' in data ? data.transferId : undefined;

/** The open runs of all routes and assets, from the log: every replica knows the whole queue. Bounded by what is open. */
@Injectable()
export class RunIndex {
  private readonly open = new Map<string, OpenEntry>();
  private readonly waiting = new Map<string, Set<() => void>>();
  private subscription: EventSubscription | undefined;
  private onChange: () => void = () => undefined;

  /** `onChange`: the queue is not as it was. */
  follow(store: EventStore, onChange: () => void): void {
    this.onChange = onChange;
    this.subscription = store.subscribeAll({
      prefixes: [TRANSFER_CATEGORY, DOWNLOAD_CATEGORY],
      from: 'start',
      onEvent: (event) => this.apply(event),
      onState: (live) => live && this.onChange(),
    });
  }

  /** What is not live may have missed an end: nobody is taken over then. */
  get live(): boolean {
    return this.subscription?.live ?? false;
  }

  ready(): HealthState {
    return this.live || 'the queue of runs is not live; subscribing';
  }

  entries(): IterableIterator<OpenEntry> {
    return this.open.values();
  }

  /** Resolves when the log says that the run, known open at `since`, has ended; at the latest after `timeoutMs`: ask the stream then. */
  async ended(runId: string, since: Position, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.subscription && this.subscription.position >= since && !this.open.has(runId)) return;
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

  private apply(recorded: RecordedEvent): void {
    const event = recorded as unknown as RunEvent;
    const runId = runIdOf(event.data);
    if (runId === undefined) return;
    if (event.type === 'TransferRequested' || event.type === 'DownloadRequested') {
      const kind = event.type === 'TransferRequested' ? 'transfer' : 'download';
      this.open.set(runId, { kind, runId, owner: recorded.metadata.owner, epoch: 0 });
    } else if (event.type === 'TransferClaimed' || event.type === 'DownloadClaimed') {
      const entry = this.open.get(runId);
      if (entry) this.open.set(runId, { ...entry, epoch: event.data.epoch, workerId: event.data.workerId });
    } else if (ENDS.has(event.type)) {
      this.open.delete(runId);
      for (const listener of [...(this.waiting.get(runId) ?? [])]) listener();
    } else return;
    if (this.live) this.onChange();
  }
}
