import type { LeaseManager } from '@ferry/coordination';
import { WARMING_CATEGORY, type WarmedAsset, type WarmingEvent } from '@ferry/domain/warming';
import type { EventStore } from '@ferry/event-store';
import { idInStream, type RecordedEvent } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
import type { ReadModels } from '@ferry/read-models';
import { LOGGER } from '@ferry/service-host';
import { EVENT_STORE, LEASES, READ_MODELS } from '@ferry/service-host/stores';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { WarmingDownloads, type WarmingOf } from './warming-downloads';
import { RunningWarmings } from './warming-state';
import { WarmingConfig } from './warming.config';
import { warmingsProjection } from './warmings.projection';

const LOOK_MS = 500;
const READ_MS = 5_000;
const LEASE = { name: 'transfer-warmings', ttlMs: 15_000 };
/** Running warmings that are looked through for owners whose turn it is. */
const MAX_ROWS = 2_000;
/** Assets of one warming that are looked up at once. */
const AT_ONCE = 500;
/** The most downloads that a warming can have open, however replicas are configured. */
const MAX_DOWNLOADS = 100;

/**
 * Works on warmings: of each owner the oldest, a few at a time, each with a few downloads open. What is open, and what came of it, the streams
 * of downloads say; so whoever looks next goes on, and nothing is asked for twice.
 */
@Injectable()
export class Warmer implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly running: RunningWarmings;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private isClosing = false;

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(READ_MODELS) private readonly models: ReadModels,
    @Inject(LEASES) private readonly leases: LeaseManager,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly downloads: WarmingDownloads,
    private readonly config: WarmingConfig,
  ) {
    this.running = new RunningWarmings(store);
    models.follow({ name: 'transfer-warming-cancelled', prefixes: [WARMING_CATEGORY], onEvent: (event) => this.react(event) }, store, leases);
  }

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

  /** Again at once, as long as something comes of it. */
  private async look(): Promise<void> {
    try {
      for (let moved = true; moved && !this.isClosing; ) {
        if (!(await this.leases.acquire(LEASE.name, LEASE.ttlMs))) return;
        const turns = await this.turns();
        this.running.keep(turns.map(({ warmingId }) => warmingId));
        const steps = await Promise.all(turns.map((warming) => this.tryStep(warming)));
        moved = steps.includes(true);
      }
    } catch (error) {
      this.logger.warn({ err: error }, 'warmings cannot be worked on now');
    }
  }

  /** The oldest warming of each owner, the oldest ones first. */
  private async turns(): Promise<WarmingOf[]> {
    const options = { sort: { requestedAt: 1 }, limit: MAX_ROWS, projection: { owner: 1, warmingId: 1 }, maxTimeMS: READ_MS } as const;
    const turns = new Map<string, WarmingOf>();
    for await (const { owner, warmingId } of this.models.collection(warmingsProjection).find({ status: 'running' }, options)) {
      if (!turns.has(owner)) turns.set(owner, { owner, warmingId });
      if (turns.size >= this.config.TRANSFER_WARMINGS_AT_ONCE) break;
    }
    return [...turns.values()];
  }

  private async tryStep(warming: WarmingOf): Promise<boolean> {
    try {
      return await this.step(warming);
    } catch (error) {
      this.logger.warn({ err: error, warmingId: warming.warmingId }, 'a warming waits');
      return false;
    }
  }

  /** Whether some assets have an outcome that had none. */
  private async step(warming: WarmingOf): Promise<boolean> {
    const { warmingId, owner } = warming;
    const state = await this.running.read(warmingId);
    if (state.status !== 'running') return false;
    const next = state.pending.slice(0, AT_ONCE);
    const cached = await this.downloads.cachedOf(owner, next);
    const most = this.config.TRANSFER_WARMING_DOWNLOADS;
    // Downloads are begun in the order of the list: only the first of those without an outcome can have one.
    const brought = await Promise.all(next.slice(0, most).map((assetId) => this.downloads.bring(warming, assetId, cached.has(assetId))));
    const known = next.slice(most).filter((assetId) => cached.has(assetId));
    const assets: WarmedAsset[] = [...brought.filter((asset) => asset !== undefined), ...known.map((assetId) => ({ assetId, outcome: 'cached' as const }))];
    if (assets.length) await this.running.record(warmingId, owner, assets);
    await this.leaveIfCancelled(warming);
    return assets.length > 0;
  }

  /** It may have been cancelled while a download was begun for it. */
  private async leaveIfCancelled(warming: WarmingOf): Promise<void> {
    const state = await this.running.read(warming.warmingId);
    if (state.status === 'cancelled') await this.downloads.leave(warming, state.pending.slice(0, MAX_DOWNLOADS));
  }

  private async react({ type, streamName, metadata: { owner } }: RecordedEvent): Promise<void> {
    if ((type as WarmingEvent['type']) !== 'WarmingCancelled') return;
    const warmingId = idInStream(WARMING_CATEGORY, streamName)!;
    const state = await new RunningWarmings(this.store).read(warmingId);
    if (state.status === 'cancelled') await this.downloads.leave({ warmingId, owner }, state.pending.slice(0, MAX_DOWNLOADS));
  }
}
