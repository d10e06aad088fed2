import { SUBJECTS } from '@ferry/contracts';
import type { LeaseManager } from '@ferry/coordination';
import type { EventStore } from '@ferry/event-store';
import type { Priority } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import type { Logger } from '@ferry/observability';
import type { Runner } from '@ferry/read-models';
import { LOGGER, MESSAGING } from '@ferry/service-host';
import { EVENT_STORE, LEASES } from '@ferry/service-host/stores';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { RunLog } from '../engine/run-log';
import { ASSET_BYTES_RUNNER } from '../transfer.config';
import type { AssetBytes } from './asset-bytes.projection';
import { CaptureConfig } from './capture.config';
import { Deadlines, type RowFilter } from './deadlines';

const LOOK_MS = 1_000;
const VISIBLE_MS = 5_000;
const CALL_MS = 5_000;
const LEASE = { name: 'transfer-captures', ttlMs: 15_000 };
/** A capture whose origin ends sooner than this is as urgent as a resolve. */
export const URGENT_MS = 600_000;
/** What one look records or raises; the next look goes on. */
const AT_ONCE = 50;

/**
 * Brings bytes in before their origin ends, the earliest end first. Which assets those are, which run is open and what failed is all in the
 * read model; each look waits until it is as new as the log, so that nothing is asked for twice. Should two replicas look at
 * once, the download's stream lets them make one run.
 */
@Injectable()
export class Capturer implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private isClosing = false;

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(LEASES) private readonly leases: LeaseManager,
    @Inject(MESSAGING) private readonly messaging: Messaging,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(ASSET_BYTES_RUNNER) private readonly runner: Runner,
    private readonly deadlines: Deadlines,
    private readonly log: RunLog,
    private readonly config: CaptureConfig,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.looking ??= this.look().finally(() => (this.looking = undefined));
    }, LOOK_MS);
  }

  async onModuleDestroy(): Promise<void> {
    this.isClosing = true;
    clearInterval(this.timer);
    await this.looking;
  }

  private async look(): Promise<void> {
    try {
      if (!(await this.leases.acquire(LEASE.name, LEASE.ttlMs))) return;
      await this.runner.waitFor(await this.store.head(), VISIBLE_MS);
      await this.recordSkipped();
      await this.raise();
      await this.begin();
    } catch (error) {
      this.logger.warn({ err: error }, 'ending origins cannot be looked for now');
    }
  }

  /** The next by their ends; then those whose end has passed, for an assumed end may be wrong; then what is wanted whenever it ends. */
  private async begin(): Promise<void> {
    const now = Date.now();
    const { TRANSFER_CAPTURES_OPEN: most, TRANSFER_CAPTURE_LEAD_SECONDS: lead } = this.config;
    let open = await this.deadlines.countRows({ 'download.reason': 'capture' });
    if (open >= 2 * most) return;
    const only = await this.ready(now);
    const places = { only, limit: 2 * most };
    const toCome = await this.deadlines.find({ ...places, afterMs: now, untilMs: now + lead * 1_000 });
    for (const { row, endsAtMs } of toCome) {
      const isUrgent = endsAtMs - now < URGENT_MS;
      if (open >= (isUrgent ? 2 * most : most)) return;
      if (await this.request(row, isUrgent ? 'resolve' : 'capture')) open += 1;
    }
    if (open >= most || toCome.length) return;
    const past = (await this.deadlines.find({ ...places, untilMs: now })).map(({ row }) => row);
    const atOnce = await this.deadlines.rowsOf({ ...only, uncaptured: true, capture: 'now' }, most);
    for (const row of [...past, ...atOnce]) {
      if (open >= most) return;
      if (await this.request(row, 'capture')) open += 1;
    }
  }

  /** Without an open run, and its next try is due; where there was no room, also since some came free. */
  private async ready(now: number): Promise<RowFilter> {
    const roomAt = await this.deadlines.lastRoomAt();
    const due: RowFilter[] = [{ notBefore: { $lte: new Date(now).toISOString() } }];
    if (roomAt !== undefined) due.push({ 'failure.kind': 'cache-full', 'failure.at': { $lt: roomAt } });
    return { download: { $exists: false }, $or: due };
  }

  /** What waits in the queue while its end comes near. */
  private async raise(): Promise<void> {
    const now = Date.now();
    const only: RowFilter = { 'download.downloadId': { $exists: true }, 'download.priority': { $ne: 'resolve' } };
    const near = await this.deadlines.find({ only, afterMs: now, untilMs: now + URGENT_MS, limit: AT_ONCE });
    for (const { row } of near) await this.request(row, 'resolve');
  }

  /** The cache keeps the record. */
  private async recordSkipped(): Promise<void> {
    for (const { row, endsAtMs } of await this.deadlines.find({ only: { unrecorded: { $exists: true } }, limit: AT_ONCE })) {
      const { owner, assetId, unrecorded: reason } = row;
      const request = { owner, actor: 'service:transfer', commandId: randomUUID(), assetId, reason, originEndsAt: new Date(endsAtMs).toISOString() };
      try {
        await this.messaging.request(SUBJECTS.cache.skipCapture, request, { timeoutMs: CALL_MS });
      } catch (error) {
        this.logger.warn({ err: error, assetId }, 'a capture without room is not recorded yet');
        return;
      }
    }
  }

  private async request({ assetId, owner }: AssetBytes, priority: Priority): Promise<boolean> {
    if (this.isClosing) return false;
    try {
      await this.log.download(assetId, { owner }, { type: 'RequestDownload', data: { assetId, reason: 'capture', priority } });
      return true;
    } catch (error) {
      this.logger.warn({ err: error, assetId }, 'a capture was not begun; it is tried again');
      return false;
    }
  }
}
