import { ASSET_CATEGORY, type AssetEvent } from '@ferry/domain/asset/events';
import { accessStream, CACHE_CATEGORY, type AccessEvent, type CacheEvent } from '@ferry/domain/cache/events';
import type { EventStore, EventSubscription } from '@ferry/event-store';
import { FerryError, idInStream, type RecordedEvent } from '@ferry/kernel';
import type { HealthState, Logger } from '@ferry/observability';
import { backoff } from '@ferry/resilience';
import { setTimeout as wait } from 'node:timers/promises';
import { minuteOf, type EvictionOrder } from '../eviction/eviction-order';
import type { CacheIndex } from './cache-index';
import type { FileKeeper } from './file-keeper';
import type { Reconciler } from './reconciler';

const RETRY = { baseMs: 500, maxMs: 10_000 };

export interface CacheLifeParts {
  readonly index: CacheIndex;
  readonly order: EvictionOrder;
  readonly keeper: FileKeeper;
  readonly reconciler: Reconciler;
  readonly eventStore: EventStore;
  readonly logger: Logger;
}

/** From start to stop: reads the events, makes the folder agree with them, then follows what happens to assets. */
export class CacheLife {
  private readonly stopping = new AbortController();
  private readonly subscription: EventSubscription;
  private reconciled?: Promise<void>;
  private state: HealthState = 'reading the events of the cache';

  constructor(private readonly parts: CacheLifeParts) {
    this.subscription = parts.eventStore.subscribeAll({
      prefixes: [CACHE_CATEGORY, ASSET_CATEGORY, accessStream(parts.index.nodeId)],
      from: 'start',
      onEvent: (event) => this.follow(event),
      onState: (live) => {
        if (live) this.reconciled ??= this.reconcile();
      },
    });
  }

  health(): HealthState {
    if (this.state !== true) return this.state;
    return this.subscription.live || 'the subscription to events has failed; subscribing again';
  }

  /** @throws FerryError CACHE_NOT_READY until folder and events agree */
  ensureReady(): void {
    if (this.state !== true) throw new FerryError('CACHE_NOT_READY', 'unavailable', `The cache is starting: ${this.state}. Try again in some seconds.`);
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.subscription.close();
    await this.reconciled;
  }

  private async follow(event: RecordedEvent): Promise<void> {
    const { index, keeper } = this.parts;
    if (event.streamName === accessStream(index.nodeId)) return this.replayAccesses(event as RecordedEvent<AccessEvent>);
    index.apply(event);
    if (this.state !== true) return;
    const { type } = event as RecordedEvent<AssetEvent | CacheEvent>;
    const assetId = idInStream(ASSET_CATEGORY, event.streamName) ?? idInStream(CACHE_CATEGORY, event.streamName);
    if (assetId && (type === 'AssetDeleted' || type === 'FileCached')) await keeper.evictDeleted(assetId);
  }

  /** Those of before the start; what is read now has counted already. */
  private replayAccesses({ data }: RecordedEvent<AccessEvent>): void {
    if (this.state === true) return;
    const minute = minuteOf(data.minute);
    for (const assetId of data.assetIds) this.parts.order.touch(assetId, minute);
  }

  private async reconcile(): Promise<void> {
    const { reconciler, logger, index, keeper } = this.parts;
    for (let attempt = 1; !this.stopping.signal.aborted; attempt += 1) {
      try {
        this.state = 'comparing the folder with the events';
        logger.info(await reconciler.run(), 'folder and events agree');
        this.state = true;
        // Deleted while the folder was compared.
        for (const { file } of [...index.cached()]) await keeper.evictDeleted(file.assetId);
        return;
      } catch (error) {
        logger.error({ err: error }, 'the folder could not be compared with the events; trying again');
        this.state = 'the folder could not be compared with the events; trying again';
        await this.pause(backoff(attempt, RETRY));
      }
    }
  }

  private async pause(ms: number): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.stopping.signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([wait(ms, undefined, { ref: false }), stopped]);
  }
}
