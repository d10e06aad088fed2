import { downloadDefinition, downloadStream } from '@ferry/domain/download';
import { isOpen, transferDefinition, transferStream, type RouteState } from '@ferry/domain/transfer';
import { metadataFor, type EventStore } from '@ferry/event-store';
import { FerryError, parseRunId, type ErrorCategory } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import { runInContext, type Health, type Logger } from '@ferry/observability';
import { backoff } from '@ferry/resilience';
import { HEALTH, LOGGER, MESSAGING } from '@ferry/service-host';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { TransferConfig, WORKER_ID } from '../transfer.config';
import { DownloadDriver } from './download-driver';
import type { Claim } from './claim';
import { Peers } from './peers';
import { RunIndex, type OpenEntry, type RunKind } from './run-index';
import { TransferDriver } from './transfer-driver';

const LOOK_MS = 500;
const TROUBLE = { baseMs: 200, maxMs: 5_000 };
/** Unexpected errors of one run in a row before it is given up; trouble with the stores does not count. */
const UNEXPECTED = 5;
/** Trouble of another service, or of somebody who was faster: not this run's fault. */
const PASSING: ReadonlySet<string> = new Set<ErrorCategory>(['unavailable', 'timeout', 'conflict', 'throttled']);
/** Troubles further apart than this have nothing to do with each other. */
const LULL_MS = 60_000;

const UNEXPECTED_FAILURE = { kind: 'internal', message: 'The service failed in an unexpected way. Its log has the reason.' };

interface Driven {
  readonly claim: Claim;
  readonly kind: RunKind;
  /** Ends the work on a run that is another's by now: nothing may answer for it twice. */
  readonly lost: AbortController;
  readonly finished: Promise<void>;
}

/**
 * Takes open runs and works on them. The stream is the lock: a run is held only while the last claim in it names this
 * worker and epoch. What a run does next follows from its stream alone, so a take-over goes on where the last worker stopped.
 */
@Injectable()
export class Worker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly closing = new AbortController();
  private readonly driving = new Map<string, Driven>();
  private readonly peers: Peers;
  private readonly asking = new Map<string, OpenEntry>();
  private looking: NodeJS.Timeout | undefined;

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(MESSAGING) messaging: Messaging,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(HEALTH) health: Health,
    @Inject(WORKER_ID) private readonly workerId: string,
    private readonly index: RunIndex,
    private readonly config: TransferConfig,
    private readonly transfers: TransferDriver,
    private readonly downloads: DownloadDriver,
  ) {
    this.peers = new Peers(messaging, this.workerId, (runId, epoch) => this.driving.get(runId)?.claim.epoch === epoch);
    health.register('queue', () => this.index.ready());
  }

  onApplicationBootstrap(): void {
    this.logger.info({ workerId: this.workerId }, 'this worker takes runs');
    this.peers.start();
    this.index.follow(this.store, () => this.look());
    this.looking = setInterval(() => this.look(), LOOK_MS);
  }

  /** Runs are left as they are: the next worker joins their jobs. */
  async onModuleDestroy(): Promise<void> {
    clearInterval(this.looking);
    this.closing.abort();
    this.peers.stop();
    await this.index.close();
    await Promise.all([...this.driving.values()].map(({ finished }) => finished));
  }

  /** For the append that requests a transfer: claimed at once where there is room. */
  firstClaim(): { claim?: { workerId: string } } {
    return this.hasRoom('transfer') ? { claim: { workerId: this.workerId } } : {};
  }

  /** Begins at once with a run that was just requested and claimed here, without waiting for the log to tell. */
  notice(owner: string, { run }: RouteState): void {
    if (!isOpen(run) || run.status === 'requested' || run.workerId !== this.workerId) return;
    // In a crowd others were quicker: it waits in the index, as this worker's.
    if (this.hasRoom('transfer')) this.drive('transfer', { runId: run.transferId, owner, epoch: run.epoch, workerId: this.workerId });
  }

  private hasRoom(kind: RunKind): boolean {
    const busy = [...this.driving.values(), ...this.asking.values()].filter((work) => work.kind === kind).length;
    return !this.closing.signal.aborted && busy < this.config.TRANSFER_WORKERS;
  }

  private look(): void {
    if (!this.index.live) return;
    for (const entry of this.index.entries()) {
      const { runId, kind, owner, epoch, workerId } = entry;
      const driven = this.driving.get(runId);
      if (driven && driven.claim.epoch < epoch) driven.lost.abort();
      if (driven || this.asking.has(runId) || !this.hasRoom(kind)) continue;
      if (workerId === this.workerId) this.drive(kind, { runId, owner, epoch, workerId });
      else if (workerId === undefined || this.peers.isSilent(workerId)) this.take(entry);
    }
  }

  private take(entry: OpenEntry): void {
    this.asking.set(entry.runId, entry);
    void this.claim(entry)
      .catch((error: unknown) => this.logger.warn({ err: error, runId: entry.runId }, 'a run could not be claimed; trying again'))
      .finally(() => this.asking.delete(entry.runId));
  }

  private async claim({ kind, runId, owner, epoch, workerId }: OpenEntry): Promise<void> {
    if (workerId !== undefined && (await this.peers.stillHolds(workerId, runId, epoch))) return;
    const claim = { workerId: this.workerId, fromEpoch: epoch };
    const { subjectId } = parseRunId(runId)!;
    const common = { metadata: metadataFor({ owner, actor: 'service:transfer', commandId: randomUUID() }) };
    const now = { now: new Date().toISOString() };
    if (kind === 'transfer') {
      const command = { type: 'ClaimTransfer', data: { transferId: runId, ...claim }, metadata: now } as const;
      await this.store.handle({ definition: transferDefinition, stream: transferStream(subjectId), command, ...common });
    } else {
      const command = { type: 'ClaimDownload', data: { downloadId: runId, ...claim }, metadata: now } as const;
      await this.store.handle({ definition: downloadDefinition, stream: downloadStream(subjectId), command, ...common });
    }
    // Whether this worker won is told by the log: the index sees the claim, and the drive begins there.
    if (workerId !== undefined) this.logger.info({ runId, from: workerId, epoch: epoch + 1 }, 'asked for a silent worker\'s run');
  }

  private drive(kind: RunKind, claim: Claim): void {
    if (this.driving.has(claim.runId)) return;
    const lost = new AbortController();
    const signal = AbortSignal.any([this.closing.signal, lost.signal]);
    const finished = runInContext({ correlationId: claim.runId }, () => this.work(kind, claim, signal)).finally(() => this.driving.delete(claim.runId));
    this.driving.set(claim.runId, { claim, kind, lost, finished });
  }

  /** Until the run ends or is another's. Stores and services may be away for a while: the run waits for them, within a budget. */
  private async work(kind: RunKind, claim: Claim, signal: AbortSignal): Promise<void> {
    const driver = kind === 'transfer' ? this.transfers : this.downloads;
    let unexpected = 0;
    let trouble = { since: 0, last: -Infinity };
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        return await driver.drive(claim, signal);
      } catch (error) {
        if (signal.aborted) return;
        const passing = error instanceof FerryError && PASSING.has(error.category);
        unexpected += passing ? 0 : 1;
        const now = performance.now();
        trouble = { since: now - trouble.last > LULL_MS ? now : trouble.since, last: now };
        this.logger.warn({ err: error, runId: claim.runId, attempt }, 'a run met trouble; going on');
        if (unexpected >= UNEXPECTED) return this.giveUp(driver, claim, error as Error, UNEXPECTED_FAILURE);
        if (now - trouble.since > this.config.TRANSFER_JOB_DEADLINE_MS) {
          return this.giveUp(driver, claim, error as Error, { kind: 'unavailable', message: (error as Error).message });
        }
        await wait(backoff(attempt, TROUBLE) + 50, undefined, { signal }).catch(() => this.logger.debug('stopping'));
      }
    }
  }

  private async giveUp(driver: TransferDriver | DownloadDriver, claim: Claim, error: Error, { kind, message }: { kind: string; message: string }): Promise<void> {
    this.logger.error({ err: error, runId: claim.runId, kind }, 'a run is given up');
    try {
      await driver.fail(claim, kind, message);
    } catch (failure) {
      this.logger.error({ err: failure, runId: claim.runId }, 'giving a run up failed; it will be tried again');
    }
  }
}
