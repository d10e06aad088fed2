import { FairQueue } from '@ferry/resilience';
import type { OpenEntry } from './open-runs';
import { priorityRank } from '@ferry/kernel';

/** No timer is longer; a run that wakes too early is parked again. */
const LONGEST_MS = 3_600_000;

interface Parked {
  readonly timer: NodeJS.Timeout;
  readonly epoch: number;
  readonly key?: string;
  readonly rank: number;
}

/** Runs of this worker that wait without a slot: for a time, or for room at what the key names, whichever comes first. */
export class Parking {
  private readonly runs = new Map<string, Parked>();
  private readonly byKey = new Map<string, FairQueue<null>>();

  /** @param onWake `key`: what it waited for */
  constructor(private readonly onWake: (runId: string, key: string | undefined) => void) {}

  get size(): number {
    return this.runs.size;
  }

  /** Of the claim under which the run was parked; undefined: it is not parked. */
  epochOf(runId: string): number | undefined {
    return this.runs.get(runId)?.epoch;
  }

  /** @param until ISO date */
  park({ runId, owner, priority }: OpenEntry, epoch: number, until: string, key?: string): void {
    this.forget(runId);
    const ms = Math.min(Math.max(Date.parse(until) - Date.now(), 1), LONGEST_MS);
    const timer = setTimeout(() => this.wake(runId), ms);
    const rank = priorityRank(priority);
    this.runs.set(runId, { timer, epoch, rank, ...(key === undefined ? {} : { key }) });
    if (key === undefined) return;
    const queue = this.byKey.get(key) ?? new FairQueue<null>();
    this.byKey.set(key, queue);
    queue.put({ key: runId, owner, rank, value: null });
  }

  /** There is room for one more of those that wait for the key, of this rank or a higher one: it is the next one's turn. */
  room(key: string, leastRank: number): void {
    const queue = this.byKey.get(key);
    if (queue?.sizeFrom(leastRank)) this.wake(queue.take()!.key);
  }

  /** A run that waits for room at a key and became more urgent asks again at once: what is kept for urgent ones may be free. */
  raise(runId: string, rank: number): void {
    const parked = this.runs.get(runId);
    if (parked?.key !== undefined && parked.rank < rank) this.wake(runId);
  }

  keys(): IterableIterator<string> {
    return this.byKey.keys();
  }

  forget(runId: string): void {
    const parked = this.runs.get(runId);
    if (!parked) return;
    clearTimeout(parked.timer);
    this.runs.delete(runId);
    if (parked.key === undefined) return;
    const queue = this.byKey.get(parked.key)!;
    queue.remove(runId);
    if (!queue.size) this.byKey.delete(parked.key);
  }

  close(): void {
    for (const runId of [...this.runs.keys()]) this.forget(runId);
  }

  private wake(runId: string): void {
    const { key } = this.runs.get(runId) ?? {};
    this.forget(runId);
    this.onWake(runId, key);
  }
}
