import type { Priority } from '@ferry/kernel';
import { Inject, Injectable } from '@nestjs/common';
import { TransferConfig, WORKER_ID } from '../transfer.config';
import type { RunKind } from './open-runs';

/** A claim that was appended with the request is worked on at once; one that nobody tells of frees its place after this time. */
const PROMISE_MS = 5_000;

/** Empty: there is no room, and the run waits in the queue. */
export interface Promised {
  readonly claim?: { readonly workerId: string };
}

interface Slot {
  readonly kind: RunKind;
  /** It waits for something outside and has given its place on. */
  idle: boolean;
}

/**
 * Places for work, of transfers and of downloads each. Some are kept for resolves, so that whatever else is under way
 * delays none. A run that waits gives its place on, as long as not too many do.
 */
@Injectable()
export class Slots {
  private readonly slots = new Map<string, Slot>();
  private readonly promised: { readonly kind: RunKind; readonly at: number }[] = [];
  private readonly busy: Record<RunKind, number> = { transfer: 0, download: 0 };
  private idle = 0;
  private isClosed = false;
  private onRoom: () => void = () => undefined;

  constructor(
    private readonly config: TransferConfig,
    @Inject(WORKER_ID) private readonly workerId: string,
  ) {}

  /** Told when a place may have become free. */
  listen(onRoom: () => void): void {
    this.onRoom = onRoom;
  }

  close(): void {
    this.isClosed = true;
  }

  hasRoom(kind: RunKind, priority: Priority): boolean {
    const { TRANSFER_WORKERS: all, TRANSFER_RESERVED_WORKERS: reserved } = this.config;
    const places = priority === 'resolve' ? all : all - Math.min(reserved, all - 1);
    return !this.isClosed && this.busy[kind] + this.promisedOf(kind) < places;
  }

  /** The append that requests a run claims it where there is room. The place stays promised until `redeem` or `enter`; an append that fails gives it back at once. */
  async claiming<T>(kind: RunKind, priority: Priority, append: (first: Promised) => Promise<T>): Promise<T> {
    if (!this.hasRoom(kind, priority)) return append({});
    this.promised.push({ kind, at: performance.now() });
    try {
      return await append({ claim: { workerId: this.workerId } });
    } catch (error) {
      this.redeem(kind);
      this.onRoom();
      throw error;
    }
  }

  /** The append of a first claim is done, whatever came of it. */
  redeem(kind: RunKind): void {
    const index = this.promised.findIndex((promise) => promise.kind === kind);
    if (index >= 0) this.promised.splice(index, 1);
  }

  /** @param promised the run was claimed with its request, which fulfils a promise */
  enter(runId: string, kind: RunKind, promised: boolean): void {
    if (promised) this.redeem(kind);
    if (this.slots.has(runId)) return;
    this.slots.set(runId, { kind, idle: false });
    this.busy[kind] += 1;
  }

  leave(runId: string): void {
    const slot = this.slots.get(runId);
    if (!slot) return;
    this.slots.delete(runId);
    if (slot.idle) this.idle -= 1;
    else this.busy[slot.kind] -= 1;
    this.onRoom();
  }

  /** Whether one more may wait without a place. */
  get mayWait(): boolean {
    return this.idle < this.config.TRANSFER_WAITING;
  }

  /** Waits for something outside without a place. Afterwards the run goes on at once: too many by at most TRANSFER_WAITING. */
  async wait<T>(runId: string, work: () => Promise<T>): Promise<T> {
    const slot = this.slots.get(runId);
    if (!slot || slot.idle || !this.mayWait) return work();
    slot.idle = true;
    this.idle += 1;
    this.busy[slot.kind] -= 1;
    this.onRoom();
    try {
      return await work();
    } finally {
      if (this.slots.get(runId) === slot && slot.idle) {
        slot.idle = false;
        this.idle -= 1;
        this.busy[slot.kind] += 1;
      }
    }
  }

  private promisedOf(kind: RunKind): number {
    const oldest = performance.now() - PROMISE_MS;
    while (this.promised.length && this.promised[0]!.at < oldest) this.promised.shift();
    return this.promised.filter((promise) => promise.kind === kind).length;
  }
}
