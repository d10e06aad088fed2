import { PRIORITIES, priorityRank, type Priority } from '@ferry/kernel';
import { FairQueue } from '@ferry/resilience';
import type { OpenEntry, RunKind } from './open-runs';

/** Who may take a run: this worker holds it, nobody does, or its worker is silent. */
export type Takeable = (workerId: string | undefined) => boolean;

/** The open runs that this worker may take, in order; the others by the worker that holds them. */
export class RunQueue {
  private readonly queues: Record<RunKind, FairQueue<OpenEntry>> = { transfer: new FairQueue(), download: new FairQueue() };
  private readonly held = new Map<string, Map<string, OpenEntry>>();
  private readonly holders = new Map<string, string>();

  constructor(private readonly takeable: Takeable) {}

  put(entry: OpenEntry): void {
    const { runId, workerId, kind, owner, priority } = entry;
    this.forgetHolder(runId);
    if (this.takeable(workerId)) {
      this.queues[kind].put({ key: runId, owner, rank: priorityRank(priority), value: entry });
      return;
    }
    this.queues[kind].remove(runId);
    if (workerId === undefined) return;
    const runs = this.held.get(workerId) ?? new Map<string, OpenEntry>();
    this.held.set(workerId, runs.set(runId, entry));
    this.holders.set(runId, workerId);
  }

  remove(runId: string): void {
    this.forgetHolder(runId);
    this.queues.transfer.remove(runId);
    this.queues.download.remove(runId);
  }

  /** The next run of the kind. */
  peek(kind: RunKind): OpenEntry | undefined {
    return this.queues[kind].peek()?.value;
  }

  take(kind: RunKind): OpenEntry | undefined {
    return this.queues[kind].take()?.value;
  }

  /** Looks again at the workers that hold runs: those of a silent one may be taken. Costs as much as there are workers. */
  review(): void {
    for (const [workerId, runs] of [...this.held]) if (this.takeable(workerId)) for (const entry of [...runs.values()]) this.put(entry);
  }

  depth(): readonly { readonly kind: RunKind; readonly priority: Priority; readonly waiting: number }[] {
    const kinds: readonly RunKind[] = ['transfer', 'download'];
    return kinds.flatMap((kind) => PRIORITIES.map((priority) => ({ kind, priority, waiting: this.queues[kind].sizeOf(priorityRank(priority)) })));
  }

  /** ISO date of the oldest request that waits to be taken. */
  oldest(kind: RunKind): string | undefined {
    let oldest: string | undefined;
    for (const { value } of this.queues[kind].values()) if (oldest === undefined || value.requestedAt < oldest) oldest = value.requestedAt;
    return oldest;
  }

  private forgetHolder(runId: string): void {
    const workerId = this.holders.get(runId);
    if (workerId === undefined) return;
    this.holders.delete(runId);
    const runs = this.held.get(workerId)!;
    runs.delete(runId);
    if (!runs.size) this.held.delete(workerId);
  }
}
