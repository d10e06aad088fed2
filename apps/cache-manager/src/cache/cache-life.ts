import { ASSET_CATEGORY, type AssetEvent } from '@ferry/domain/asset/events';
import { accessStream, CACHE_CATEGORY, type AccessEvent, type CacheEvent } from '@ferry/domain/cache/events';
import { USAGE_CATEGORY, type UsageEvent } from '@ferry/domain/transfer/events';
import type { EventStore, EventSubscription } from '@ferry/event-store';
import { FerryError, idInStream, type RecordedEvent } from '@ferry/kernel';
import type { HealthState, Logger } from '@ferry/observability';
import { backoff } from '@ferry/resilience';
import { setTimeout as wait } from 'node:timers/promises';
import { minuteOf, type EvictionOrder } from '../eviction/eviction-order';
import type { CacheIndex } from './cache-index';
import type { EventJournal } from './event-journal';
import type { FileKeeper } from './file-keeper';
import type { Reconciler } from './reconciler';

const RETRY = { baseMs: 500, maxMs: 10_000 };
/** Prefixes of the streams that a node follows. */
export const followedBy = (nodeId: string): readonly string[] => [CACHE_CATEGORY, ASSET_CATEGORY, USAGE_CATEGORY, accessStream(nodeId)];

export interface CacheLifeParts {
  readonly index: CacheIndex;
  readonly order: EvictionOrder;
  readonly keeper: FileKeeper;
  readonly reconciler: Reconciler;
  readonly journal: EventJournal;
  /** Told once folder and events agree. */
  readonly onReady: () => void;
  readonly eventStore: EventStore;
  readonly logger: Logger;
}

/** From start to stop: reads the events, makes the folder agree with them, then follows what happens to assets. */
export class CacheLife {
  private readonly stopping = new AbortController();
  private readonly started: Promise<void>;
  private subscription?: EventSubscription;
  private reconciled?: Promise<void>;
  private state: HealthState = 'reading the events of the cache';

  constructor(private readonly parts: CacheLifeParts) {
    this.started = this.start();
  }

  health(): HealthState {
    if (this.state !== true) return this.state;
    return this.subscription?.live || 'the subscription to events has failed; subscribing again';
  }

  /** Folder and events agree. */
  get isReady(): boolean {
    return this.state === true;
  }

  /** @throws FerryError CACHE_NOT_READY until folder and events agree */
  ensureReady(): void {
    if (this.state !== true) throw new FerryError('CACHE_NOT_READY', 'unavailable', `The cache is starting: ${this.state}. Try again in some seconds.`);
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.started;
    await this.subscription?.close();
    await this.reconciled;
    await this.parts.journal.close();
  }

  private async start(): Promise<void> {
    const { journal, eventStore, index } = this.parts;
    const from = await this.untilDone('the events of the cache could not be read', () => journal.replay((event) => this.isInStore(event), (event) => this.follow(event)));
    if (from === undefined) return;
    this.subscription = eventStore.subscribeAll({
      prefixes: followedBy(index.nodeId),
      from,
      onEvent: async (event) => {
        await this.follow(event);
        if (isKept(event)) await journal.append(event);
      },
      onState: (live) => {
        if (live) this.reconciled ??= this.reconcile();
      },
    });
  }

  private async isInStore({ id, streamName, revision }: RecordedEvent): Promise<boolean> {
    const [event] = await this.parts.eventStore.read(streamName, { from: revision, maxCount: 1 });
    return event?.id === id;
  }

  private async follow(event: RecordedEvent): Promise<void> {
    const { index, keeper } = this.parts;
    if (event.streamName === accessStream(index.nodeId)) return this.replayAccesses(event as RecordedEvent<AccessEvent>);
    if (event.streamName.startsWith(USAGE_CATEGORY)) return this.countUses(event as RecordedEvent<UsageEvent>);
    index.apply(event);
    if (this.state !== true) return;
    const { type } = event as RecordedEvent<AssetEvent | CacheEvent>;
    const assetId = idInStream(ASSET_CATEGORY, event.streamName) ?? idInStream(CACHE_CATEGORY, event.streamName);
    if (assetId && (type === 'AssetDeleted' || type === 'FileCached')) await keeper.evictDeleted(assetId);
    if (assetId && (type === 'FileEvicted' || type === 'FileCorrupted')) await keeper.removeLeft(assetId);
  }

  /** Those of before the start; what is read now has counted already. */
  private replayAccesses({ data }: RecordedEvent<AccessEvent>): void {
    if (this.state === true) return;
    const minute = minuteOf(data.minute);
    for (const assetId of data.assetIds) this.parts.order.touch(assetId, minute);
  }

  /** An asset whose reference was handed out is in use, although nobody reads its file: that counts as an access. */
  private countUses({ type, data }: RecordedEvent<UsageEvent>): void {
    // A newer release may write others.
    if (type !== 'ReferencesUsed') return;
    const minute = minuteOf(data.minute);
    for (const { assetId } of data.uses) this.parts.order.touch(assetId, minute);
  }

  private async reconcile(): Promise<void> {
    const { reconciler, logger, index, keeper, onReady } = this.parts;
    await this.untilDone('the folder could not be compared with the events', async () => {
      this.state = 'comparing the folder with the events';
      logger.info(await reconciler.run(), 'folder and events agree');
      this.state = true;
      onReady();
      // Deleted while the folder was compared.
      for (const { file } of [...index.cached()]) await keeper.evictDeleted(file.assetId);
    });
  }

  /** Undefined where it is not done when the cache stops. */
  private async untilDone<T>(failure: string, work: () => Promise<T>): Promise<T | undefined> {
    for (let attempt = 1; !this.stopping.signal.aborted; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        this.parts.logger.error({ err: error }, `${failure}; trying again`);
        this.state = `${failure}; trying again`;
        await this.pause(backoff(attempt, RETRY));
      }
    }
    return undefined;
  }

  private async pause(ms: number): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.stopping.signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([wait(ms, undefined, { ref: false }), stopped]);
  }
}

/** Of an asset only its end counts here. */
const isKept = ({ streamName, type }: RecordedEvent): boolean => type === 'AssetDeleted' || idInStream(ASSET_CATEGORY, streamName) === undefined;
