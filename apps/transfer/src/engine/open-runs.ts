import type { DownloadEvent } from '@ferry/domain/download/events';
import type { TransferEvent } from '@ferry/domain/transfer/events';
import { priorityRank, type Priority, type RecordedEvent } from '@ferry/kernel';

export type RunKind = 'transfer' | 'download';

/** An open run, as the log says. */
export interface OpenEntry {
  readonly kind: RunKind;
  readonly runId: string;
  readonly owner: string;
  /** As it counts: raised, and of a download the highest of its followers. */
  readonly priority: Priority;
  /** 0 where nobody has claimed it. */
  readonly epoch: number;
  readonly workerId?: string;
  /** ISO date. */
  readonly requestedAt: string;
  /** ISO date of the first failed attempt. */
  readonly failingSince?: string;
}

interface Open extends OpenEntry {
  /** As requested, or raised, without followers. */
  readonly own: Priority;
  /** The transfers that wait for a download, with what they joined with. */
  readonly followers?: Readonly<Record<string, Priority>>;
  /** The download that a transfer waits for. */
  readonly follows?: string;
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

export const isEnd = (type: string): boolean => ENDS.has(type);

export const runIdOf = (data: RunEvent['data']): string | undefined =>
  'downloadId' in data ? data.downloadId : 'transferId' in data ? data.transferId : undefined;

export const highest = (priorities: Iterable<Priority>, least: Priority): Priority => {
  let found = least;
  for (const priority of priorities) if (priorityRank(priority) > priorityRank(found)) found = priority;
  return found;
};

/** The open runs of all routes and assets, folded from the log. */
export class OpenRuns {
  private readonly runs = new Map<string, Open>();

  /** @param onChange a run that changed; without entry: it is not open any more */
  constructor(private readonly onChange: (runId: string, entry: OpenEntry | undefined) => void) {}

  get size(): number {
    return this.runs.size;
  }

  get(runId: string): OpenEntry | undefined {
    return this.runs.get(runId);
  }

  has(runId: string): boolean {
    return this.runs.has(runId);
  }

  entries(): IterableIterator<OpenEntry> {
    return this.runs.values();
  }

  /** For a snapshot; JSON. */
  toJSON(): readonly object[] {
    return [...this.runs.values()];
  }

  restore(entries: readonly object[]): void {
    for (const entry of entries as readonly Open[]) this.set(entry);
  }

  apply({ type, data, metadata, created }: RecordedEvent): void {
    const event = { type, data } as RunEvent;
    switch (event.type) {
      case 'TransferRequested':
      case 'DownloadRequested': {
        const { priority } = event.data;
        const kind = event.type === 'TransferRequested' ? 'transfer' : 'download';
        return this.set({ kind, runId: runIdOf(event.data)!, owner: metadata.owner, own: priority, priority, epoch: 0, requestedAt: created });
      }
      case 'TransferClaimed':
      case 'DownloadClaimed':
        return this.change(runIdOf(event.data)!, { epoch: event.data.epoch, workerId: event.data.workerId });
      case 'TransferRaised':
        return this.raise(event.data.transferId, event.data.priority);
      case 'DownloadRaised':
        return this.raiseDownload(event.data);
      case 'DownloadJoined':
        return this.join(event.data);
      case 'DownloadLeft':
        return this.leave(event.data);
      case 'UploadFailed':
      case 'DownloadAttemptFailed':
        return this.failing(runIdOf(event.data)!, created);
      default:
        if (isEnd(event.type)) this.end(runIdOf(event.data)!);
    }
  }

  private set(run: Open): void {
    this.runs.set(run.runId, run);
    this.onChange(run.runId, run);
  }

  private change(runId: string, change: Partial<Open>): void {
    const run = this.runs.get(runId);
    if (run) this.set({ ...run, ...change });
  }

  private failing(runId: string, at: string): void {
    const run = this.runs.get(runId);
    if (run && run.failingSince === undefined) this.set({ ...run, failingSince: at });
  }

  private raise(transferId: string, priority: Priority): void {
    const run = this.runs.get(transferId);
    if (!run) return;
    this.set({ ...run, own: priority, priority });
    if (run.follows !== undefined) this.join({ downloadId: run.follows, transferId, priority });
  }

  private raiseDownload({ downloadId, priority }: { downloadId: string; priority: Priority }): void {
    const download = this.runs.get(downloadId);
    if (download) this.follow({ ...download, own: priority }, download.followers ?? {});
  }

  private join({ downloadId, transferId, priority }: { downloadId: string; transferId: string; priority: Priority }): void {
    const download = this.runs.get(downloadId);
    if (!download) return;
    this.follow(download, { ...download.followers, [transferId]: priority });
    this.change(transferId, { follows: downloadId });
  }

  private leave({ downloadId, transferId }: { downloadId: string; transferId: string }): void {
    const download = this.runs.get(downloadId);
    if (!download) return;
    const { [transferId]: _, ...followers } = download.followers ?? {};
    this.follow(download, followers);
  }

  private follow(download: Open, followers: Readonly<Record<string, Priority>>): void {
    this.set({ ...download, followers, priority: highest(Object.values(followers), download.own) });
  }

  private end(runId: string): void {
    if (this.runs.delete(runId)) this.onChange(runId, undefined);
  }
}
