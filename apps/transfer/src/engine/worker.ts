import { isOpenDownload } from '@ferry/domain/download';
import { isOpen, type RouteState } from '@ferry/domain/transfer';
import type { EventStore } from '@ferry/event-store';
import { defined, parseRunId, priorityRank, type Route } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import { stepBoundary, runInContext, type Health, type Logger } from '@ferry/observability';
import { HEALTH, LOGGER, MESSAGING } from '@ferry/service-host';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { TransferConfig, WORKER_ID } from '../transfer.config';
import type { Claim } from './claim';
import { DownloadDriver } from './download-driver';
import { EngineMetrics } from './engine-metrics';
import type { OpenEntry, RunKind } from './open-runs';
import { NotYet } from './not-yet';
import { Parking } from './parking';
import { Peers } from './peers';
import { gateKey, ProviderGate } from './provider-gate';
import { QueueSnapshots } from './queue-snapshots';
import { RunIndex } from './run-index';
import { RunLog } from './run-log';
import { RunQueue } from './run-queue';
import { Slots, type Promised } from './slots';
import { TransferDriver } from './transfer-driver';
import { Troubles, type Failure } from './troubles';

const REVIEW_MS = 500;
/** A run that its driver left although the log has it open is looked at again after this time. */
const AGAIN_MS = 1_000;
/** A claim that was not to be had, or failed. */
const ASK_AGAIN_MS = 250;
const KINDS: readonly RunKind[] = ['transfer', 'download'];

interface Driven {
  readonly claim: Claim;
  /** Ends the work on a run that is another's by now: nothing may answer for it twice. */
  readonly lost: AbortController;
  readonly finished: Promise<void>;
}

const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

/**
 * Takes open runs and works on them. The stream is the lock: a run is held only while the last claim in it names this
 * worker and epoch. What a run does next follows from its stream alone, so a take-over goes on where the last worker stopped.
 */
@Injectable()
export class Worker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly closing = new AbortController();
  private readonly driving = new Map<string, Driven>();
  private readonly asking = new Set<string>();
  private readonly peers: Peers;
  private readonly queue: RunQueue;
  private readonly parking = new Parking((runId, key) => this.resume(runId, key));
  private readonly troubles: Troubles;
  private reviewing: NodeJS.Timeout | undefined;

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(MESSAGING) messaging: Messaging,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(HEALTH) health: Health,
    @Inject(WORKER_ID) private readonly workerId: string,
    config: TransferConfig,
    private readonly index: RunIndex,
    private readonly slots: Slots,
    private readonly gate: ProviderGate,
    private readonly snapshots: QueueSnapshots,
    metrics: EngineMetrics,
    private readonly log: RunLog,
    private readonly transfers: TransferDriver,
    private readonly downloads: DownloadDriver,
  ) {
    this.peers = new Peers(messaging, workerId, (runId, epoch) => this.holds(runId, epoch));
    this.queue = new RunQueue((holder) => holder === undefined || holder === workerId || this.peers.isSilent(holder));
    this.troubles = new Troubles(config.TRANSFER_RETRY_BUDGET_MS);
    this.gate.listen({ onRoom: (key, leastRank) => this.parking.room(key, leastRank), onAttempt: (call, outcome) => metrics.attempted(call, outcome) });
    metrics.watch({ queue: this.queue, gate, parked: () => this.parking.size, driven: () => this.driving.size });
    health.register('queue', () => this.index.ready());
  }

  async onApplicationBootstrap(): Promise<void> {
    this.logger.info({ workerId: this.workerId }, 'this worker takes runs');
    this.peers.start();
    this.slots.listen(() => this.pump());
    this.index.follow(this.store, { onRun: (runId, entry) => this.changed(runId, entry), onLive: () => this.live() }, await this.snapshots.load());
    this.snapshots.start(this.index);
    this.reviewing = setInterval(() => this.review(), REVIEW_MS);
  }

  /** Runs are left as they are: the next worker joins their jobs. */
  async onModuleDestroy(): Promise<void> {
    clearInterval(this.reviewing);
    this.slots.close();
    this.parking.close();
    this.closing.abort();
    this.peers.stop();
    await this.snapshots.stop();
    await this.index.close();
    await Promise.all([...this.driving.values()].map(({ finished }) => finished));
  }

  /** The append that requests a transfer claims it where there is room. `notice` follows, unless it fails. */
  claiming<T>(append: (first: Promised) => Promise<T>): Promise<T> {
    return this.slots.claiming('transfer', 'resolve', append);
  }

  /** Begins at once with a run that was just requested and claimed here, without waiting for the log to tell. */
  notice(owner: string, { run }: RouteState): void {
    const isMine = isOpen(run) && run.status !== 'requested' && run.workerId === this.workerId;
    this.slots.redeem('transfer');
    // In a crowd others were quicker: it waits in the queue, as this worker's.
    if (!isMine || this.parking.epochOf(run.transferId) === run.epoch || !this.slots.hasRoom('transfer', run.priority)) return;
    this.drive('transfer', { runId: run.transferId, owner, epoch: run.epoch, workerId: this.workerId });
  }

  /** When calls that the route's upload needs are paused: until when, as far as this process knows. */
  pauseOf(route: Pick<Route, 'providerId' | 'accountId'> | undefined): { retryAfter?: string } {
    return route ? defined({ retryAfter: this.gate.pausedUntil(gateKey({ ...route, operation: 'upload' })) }) : {};
  }

  private holds(runId: string, epoch: number): boolean {
    if (this.driving.get(runId)?.claim.epoch === epoch || this.parking.epochOf(runId) === epoch) return true;
    const entry = this.index.get(runId);
    return entry?.workerId === this.workerId && entry.epoch === epoch && !this.closing.signal.aborted;
  }

  /** A run as the log has it now. */
  private changed(runId: string, entry: OpenEntry | undefined): void {
    const driven = this.driving.get(runId);
    if (!entry) {
      this.queue.remove(runId);
      this.parking.forget(runId);
      this.troubles.forget(runId);
      this.gate.forget(runId);
      driven?.lost.abort();
      return;
    }
    if (driven && driven.claim.epoch < entry.epoch) driven.lost.abort();
    const rank = priorityRank(entry.priority);
    this.gate.raise(runId, rank, entry.priority === 'resolve');
    if (driven || this.asking.has(runId)) return;
    const parked = this.parking.epochOf(runId) ?? -1;
    if (parked === entry.epoch) this.parking.raise(runId, rank);
    if (parked >= entry.epoch) return;
    this.parking.forget(runId);
    this.queue.put(entry);
    this.pump();
  }

  private live(): void {
    this.logger.info({ events: this.index.applied, open: this.index.size, sinceStartMs: Math.round(process.uptime() * 1_000) }, 'the queue is live');
    this.pump();
  }

  private review(): void {
    if (!this.index.live) return;
    this.queue.review();
    // Should a notice of room have come to nothing, the line goes on all the same.
    for (const key of [...this.parking.keys()]) if (this.gate.pausedUntil(key) === undefined) this.parking.room(key, 0);
    this.pump();
  }

  /** Takes the next runs as long as there is room for them. */
  private pump(): void {
    if (!this.index.live || this.closing.signal.aborted) return;
    for (const kind of KINDS) {
      for (let next = this.queue.peek(kind); next && this.slots.hasRoom(kind, next.priority); next = this.queue.peek(kind)) {
        this.queue.take(kind);
        this.begin(next);
      }
    }
  }

  private begin(entry: OpenEntry): void {
    const { kind, runId, owner, epoch, workerId, failingSince } = entry;
    if (this.driving.has(runId) || this.asking.has(runId)) return;
    if (workerId === this.workerId) return this.drive(kind, { runId, owner, epoch, workerId, ...defined({ failingSince }) }, kind === 'download' && epoch === 1);
    if (workerId !== undefined && !this.peers.isSilent(workerId)) return this.queue.put(entry);
    this.asking.add(runId);
    this.slots.enter(runId, kind, false);
    void this.take(entry);
  }

  /** Claims the run; what came of it the stream says, and the log where that is not clear. */
  private async take(entry: OpenEntry): Promise<void> {
    const { runId, kind, epoch, workerId } = entry;
    let mine: Claim | undefined;
    try {
      if (workerId === undefined || !(await this.peers.stillHolds(workerId, runId, epoch))) mine = await this.claim(entry);
      stepBoundary('transfer.after-claim-append');
      if (mine && workerId !== undefined) this.logger.info({ runId, from: workerId, epoch: mine.epoch }, 'took over a silent worker\'s run');
    } catch (error) {
      this.logger.warn({ err: error, runId }, 'a run could not be claimed; trying again');
    }
    this.asking.delete(runId);
    const now = this.index.get(runId);
    if (mine && !this.closing.signal.aborted && !(now && now.epoch > mine.epoch)) return this.drive(kind, mine);
    if (now && now.epoch > epoch) this.queue.put(now);
    else if (now && !this.closing.signal.aborted) this.parking.park(now, epoch, inMs(ASK_AGAIN_MS));
    this.slots.leave(runId);
  }

  private async claim({ kind, runId, owner, epoch, failingSince }: OpenEntry): Promise<Claim | undefined> {
    stepBoundary('transfer.before-claim-append');
    const claim = { workerId: this.workerId, fromEpoch: epoch };
    const { subjectId } = parseRunId(runId)!;
    const mine = { runId, owner, epoch: epoch + 1, workerId: this.workerId, ...defined({ failingSince }) };
    if (kind === 'transfer') {
      const { run } = (await this.log.route(subjectId, { owner }, { type: 'ClaimTransfer', data: { transferId: runId, ...claim } })).state;
      return isOpen(run) && run.status !== 'requested' && run.transferId === runId && run.workerId === this.workerId ? { ...mine, epoch: run.epoch } : undefined;
    }
    const { run } = (await this.log.download(subjectId, { owner }, { type: 'ClaimDownload', data: { downloadId: runId, ...claim } })).state;
    return isOpenDownload(run) && run.status !== 'requested' && run.downloadId === runId && run.workerId === this.workerId ? { ...mine, epoch: run.epoch } : undefined;
  }

  /** A parked run's time has come, or there is room where it waits; another pause there is waited for as well. */
  private resume(runId: string, key: string | undefined): void {
    const entry = this.index.get(runId);
    if (!entry || this.driving.has(runId) || this.asking.has(runId)) return;
    const until = key === undefined ? undefined : this.gate.pausedUntil(key);
    if (until !== undefined && entry.workerId === this.workerId) return this.parking.park(entry, entry.epoch, until, key);
    this.queue.put(entry);
    this.pump();
  }

  /** @param promised it was claimed with its request */
  private drive(kind: RunKind, claim: Claim, promised = false): void {
    const { runId } = claim;
    if (this.driving.has(runId)) return;
    this.queue.remove(runId);
    this.slots.enter(runId, kind, promised);
    const lost = new AbortController();
    const signal = AbortSignal.any([this.closing.signal, lost.signal]);
    const finished = runInContext({ correlationId: runId }, () => this.work(kind, claim, signal)).then((pause) => this.left(kind, claim, pause));
    this.driving.set(runId, { claim, lost, finished });
  }

  /** Until the run ends, is another's, or waits; then, until when. */
  private async work(kind: RunKind, claim: Claim, signal: AbortSignal): Promise<{ until: string; key?: string }> {
    const driver = kind === 'transfer' ? this.transfers : this.downloads;
    try {
      await driver.drive(claim, signal);
      this.troubles.forget(claim.runId);
    } catch (error) {
      if (signal.aborted) {
        await this.tidy(driver, claim);
        return { until: inMs(AGAIN_MS) };
      }
      const verdict = this.troubles.met(claim.runId, error);
      const level = error instanceof NotYet ? 'debug' : 'warn';
      this.logger[level]({ err: error, runId: claim.runId, ...verdict }, 'a run waits');
      if (!('giveUp' in verdict)) return verdict;
      await this.giveUp(driver, claim, error as Error, verdict.giveUp);
    }
    return { until: inMs(AGAIN_MS) };
  }

  /** A run that somebody else ended leaves nothing running. */
  private async tidy(driver: TransferDriver | DownloadDriver, claim: Claim): Promise<void> {
    if (this.closing.signal.aborted || this.index.get(claim.runId)) return;
    try {
      await driver.tidy(claim);
    } catch (error) {
      this.logger.warn({ err: error, runId: claim.runId }, 'what a cancelled run left could not be stopped; it ends by itself');
    }
  }

  /** The log tells whether there is more to do; what is this worker's still is parked, its slot goes on. */
  private left(kind: RunKind, { runId, owner, epoch }: Claim, { until, key }: { until: string; key?: string }): void {
    this.driving.delete(runId);
    const entry = this.index.get(runId);
    if (!this.closing.signal.aborted) {
      // The log may not have told of the run, or of its claim, yet: what is still to come is put right then.
      if (entry && entry.epoch > epoch) this.queue.put(entry);
      else this.parking.park(entry ?? { kind, runId, owner, epoch, priority: 'warm', requestedAt: inMs(0) }, epoch, until, key);
    }
    this.slots.leave(runId);
  }

  private async giveUp(driver: TransferDriver | DownloadDriver, claim: Claim, error: Error, { kind, message, retryAfter }: Failure): Promise<void> {
    this.logger.error({ err: error, runId: claim.runId, kind }, 'a run is given up');
    try {
      await driver.fail(claim, kind, message, retryAfter);
      this.troubles.forget(claim.runId);
    } catch (failure) {
      this.logger.error({ err: failure, runId: claim.runId }, 'giving a run up failed; it will be tried again');
    }
  }
}
