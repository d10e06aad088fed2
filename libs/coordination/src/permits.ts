import { FerryError } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
import { FairQueue } from '@ferry/resilience';
import type { Db } from 'mongodb';
import { setTimeout as pause } from 'node:timers/promises';
import { PermitStore, type PermitLimits } from './permit-store';

export { type PermitLimits } from './permit-store';

export interface PermitRequest {
  /** Names the call, the same in every process that has to do with it. */
  readonly id: string;
  /** Provider, account and operation. */
  readonly key: string;
  readonly owner: string;
  /** The highest goes first. */
  readonly rank: number;
  /** May use what is kept for urgent calls. */
  readonly urgent: boolean;
  readonly limits: PermitLimits;
  readonly sizeBytes?: number;
}

export interface PermitCounts {
  readonly key: string;
  readonly inUse: number;
  readonly waiting: number;
}

interface Waiter {
  request: PermitRequest;
  readonly signal: AbortSignal;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Desk {
  readonly waiting: FairQueue<Waiter>;
  readonly held: Set<string>;
  /** Milliseconds since 1970 until which nothing is given. */
  closedUntil: number;
  /** Ends the pause between two questions. */
  wake: AbortController;
  asking: boolean;
  /** Those that are asked for now. */
  batch: readonly Waiter[];
}

const RENEW_MS = 5_000;
const ASK_AGAIN_MS = 100;
const TROUBLE_MS = 500;
/** Permits asked for at once. */
const BATCH = 16;
/** Calls of one key and of the same or a higher rank that wait in one process; who comes then is told to come back. */
const MAX_WAITING = 32;
/** A pause longer than this is not waited for here. */
const LONG_MS = 1_000;

/**
 * Permits for calls at providers, that hold across replicas. In one process who waits for a key stands in a line: by
 * rank, then owners in turn. Between replicas those that wait take turns, so that one waits for at most one permit of
 * each other replica. A permit ends by its lease, 15 s, where its holder dies.
 */
export class Permits {
  private readonly store: PermitStore;
  private readonly desks = new Map<string, Desk>();
  private readonly renewing: NodeJS.Timeout;
  private readonly closing = new AbortController();
  private onRoom: (key: string, leastRank: number) => void = () => undefined;

  constructor(
    db: Db,
    holder: string,
    private readonly logger: Logger,
  ) {
    this.store = new PermitStore(db, holder);
    this.renewing = setInterval(() => void this.renewAll(), RENEW_MS);
  }

  /** Told when there is room in a line again, for calls of this rank and higher ones. */
  listen(onRoom: (key: string, leastRank: number) => void): void {
    this.onRoom = onRoom;
  }

  /**
   * Waits for the permit. Who gets it gives it back with `release`.
   * @throws FerryError THROTTLED with details.retryAfter where the provider wants a longer pause; PERMITS_BUSY where too many wait that
   * are as urgent: less urgent ones keep nobody out
   */
  async acquire(request: PermitRequest, signal: AbortSignal): Promise<void> {
    const { key, id, owner, rank } = request;
    const desk = this.desk(key);
    this.assertOpen(desk, key);
    if (!hasRoom(desk, rank)) {
      throw new FerryError('PERMITS_BUSY', 'throttled', `Too many calls wait for ${key}. Try again later.`, { key });
    }
    signal.throwIfAborted();
    const leave = () => {
      const waiter = desk.waiting.get(id)?.value;
      desk.waiting.remove(id);
      waiter?.reject(signal.reason as Error);
    };
    signal.addEventListener('abort', leave, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        desk.waiting.put({ key: id, owner, rank, value: { request, signal, resolve, reject } });
        desk.wake.abort();
        void this.serve(key, desk);
      });
    } finally {
      signal.removeEventListener('abort', leave);
      this.onRoom(key, leastWithRoom(desk));
    }
    // Both happened at once: the permit goes back, so that nobody holds it for a call that is not made.
    if (!signal.aborted) return;
    await this.release(key, id);
    signal.throwIfAborted();
  }

  /** The call of another process's permit goes on here: the permit is this process's from now on. */
  adopt(key: string, id: string): void {
    const desk = this.desk(key);
    if (desk.held.has(id)) return;
    desk.held.add(id);
    void this.renew(key, [id]);
  }

  /** The call goes on without this process: its successor adopts the permit, or its lease ends. */
  abandon(key: string, id: string): void {
    this.desks.get(key)?.held.delete(id);
  }

  async release(key: string, id: string): Promise<void> {
    this.abandon(key, id);
    try {
      await this.store.release(key, id);
    } catch (error) {
      this.logger.info({ err: error, key }, 'a permit could not be given back; it ends by its lease');
    }
    this.desks.get(key)?.wake.abort();
  }

  /** The provider wants a pause of so many milliseconds, of all replicas. */
  async close(key: string, ms: number): Promise<void> {
    this.closed(this.desk(key), key, ms);
    try {
      await this.store.close(key, ms);
    } catch (error) {
      this.logger.warn({ err: error, key, ms }, 'the other replicas could not be told of a pause');
    }
  }

  /** ISO date until which nothing is given, as far as this process knows. */
  closedUntil(key: string): string | undefined {
    const until = this.desks.get(key)?.closedUntil ?? 0;
    return until > Date.now() ? new Date(until).toISOString() : undefined;
  }

  /** A waiting call became more urgent. */
  raise(key: string, id: string, rank: number, urgent: boolean): void {
    const desk = this.desks.get(key);
    const waiter = desk?.waiting.get(id)?.value ?? desk?.batch.find(({ request }) => request.id === id);
    if (!desk || !waiter || waiter.request.rank >= rank) return;
    waiter.request = { ...waiter.request, rank, urgent };
    if (desk.waiting.get(id)) desk.waiting.put({ key: id, owner: waiter.request.owner, rank, value: waiter });
  }

  counts(): PermitCounts[] {
    return [...this.desks].map(([key, desk]) => ({ key, inUse: desk.held.size, waiting: waitingAt(desk) }));
  }

  stop(): void {
    clearInterval(this.renewing);
    this.closing.abort();
    for (const { wake } of this.desks.values()) wake.abort();
  }

  private desk(key: string): Desk {
    let desk = this.desks.get(key);
    if (!desk) this.desks.set(key, (desk = { waiting: new FairQueue(), held: new Set(), closedUntil: 0, wake: new AbortController(), asking: false, batch: [] }));
    return desk;
  }

  private assertOpen({ closedUntil }: Desk, key: string): void {
    if (closedUntil - Date.now() <= LONG_MS) return;
    throw throttled(key, closedUntil);
  }

  /** Asks for those who wait until nobody does. One question per key at a time. */
  private async serve(key: string, desk: Desk): Promise<void> {
    if (desk.asking) return;
    desk.asking = true;
    try {
      while (desk.waiting.size && !this.closing.signal.aborted) {
        desk.wake = new AbortController();
        const pauseMs = await this.askOnce(key, desk);
        if (pauseMs > 0) await pause(pauseMs, undefined, { signal: desk.wake.signal }).catch(() => this.logger.trace({ key }, 'asking again'));
      }
    } finally {
      desk.asking = false;
    }
  }

  /** Milliseconds to wait before the next question. */
  private async askOnce(key: string, desk: Desk): Promise<number> {
    const batch = (desk.batch = takeBatch(desk.waiting));
    const [first] = batch;
    if (!first) return 0;
    const { limits, urgent } = first.request;
    const sizeBytes = batch.reduce((sum, { request }) => sum + (request.sizeBytes ?? 0), 0);
    let granted: readonly string[] = [];
    let closedForMs = 0;
    try {
      ({ ids: granted, closedForMs } = await this.store.ask({ key, ids: batch.map(({ request }) => request.id), urgent, limits, sizeBytes }));
    } catch (error) {
      this.logger.warn({ err: error, key }, 'permits cannot be asked for; calls wait');
      this.restore(desk, batch);
      return TROUBLE_MS;
    }
    const given = batch.filter(({ request }) => granted.includes(request.id));
    for (const { request, resolve } of given) {
      desk.held.add(request.id);
      resolve();
    }
    this.restore(desk, batch.filter((waiter) => !given.includes(waiter)));
    if (closedForMs > 0) this.closed(desk, key, closedForMs);
    return given.length === batch.length ? 0 : Math.max(1, Math.min(closedForMs, LONG_MS), Math.random() * ASK_AGAIN_MS);
  }

  private restore(desk: Desk, waiters: readonly Waiter[]): void {
    desk.batch = [];
    for (const waiter of [...waiters].reverse()) {
      const { id, owner, rank } = waiter.request;
      if (waiter.signal.aborted) waiter.reject(waiter.signal.reason as Error);
      else desk.waiting.restore({ key: id, owner, rank, value: waiter });
    }
  }

  private closed(desk: Desk, key: string, ms: number): void {
    desk.closedUntil = Math.max(desk.closedUntil, Date.now() + ms);
    if (ms <= LONG_MS) return;
    for (let next = desk.waiting.take(); next; next = desk.waiting.take()) next.value.reject(throttled(key, desk.closedUntil));
  }

  private async renewAll(): Promise<void> {
    await Promise.all([...this.desks].filter(([, { held }]) => held.size).map(([key, { held }]) => this.renew(key, [...held])));
  }

  private async renew(key: string, ids: readonly string[]): Promise<void> {
    try {
      await this.store.renew(key, ids);
    } catch (error) {
      this.logger.warn({ err: error, key }, 'permits could not be renewed; their calls go on');
    }
  }
}

const waitingAt = ({ waiting, batch }: Desk): number => waiting.size + batch.length;

const hasRoom = ({ waiting, batch }: Desk, rank: number): boolean =>
  waiting.sizeFrom(rank) + batch.filter(({ request }) => request.rank >= rank).length < MAX_WAITING;

const leastWithRoom = (desk: Desk): number => {
  let rank = 0;
  while (!hasRoom(desk, rank)) rank += 1;
  return rank;
};

const throttled = (key: string, until: number): FerryError => {
  const retryAfter = new Date(until).toISOString();
  return new FerryError('THROTTLED', 'throttled', `The provider wants no calls of ${key} now. Try again after ${retryAfter}.`, { key, retryAfter });
};

/** The first who wait, all of one urgency; where bytes count, one at a time. */
const takeBatch = (waiting: FairQueue<Waiter>): Waiter[] => {
  const batch: Waiter[] = [];
  for (let next = waiting.peek(); next && batch.length < BATCH; next = waiting.peek()) {
    const { request } = next.value;
    if (batch[0] && (batch[0].request.urgent !== request.urgent || request.limits.bytesPerSecond !== undefined)) break;
    batch.push(waiting.take()!.value);
  }
  return batch;
};
