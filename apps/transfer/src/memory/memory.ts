import { ASSET_CATEGORY, assetStream } from '@ferry/domain/asset/events';
import { transferDefinition, TRANSFER_CATEGORY, transferStream, type RouteState } from '@ferry/domain/transfer';
import type { EventStore } from '@ferry/event-store';
import { idInStream, type RecordedEvent, type Token } from '@ferry/kernel';
import { Gauge, metrics, type Logger } from '@ferry/observability';
import { LOGGER } from '@ferry/service-host';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { AssetReader, type AssetForTransfer } from '../assets/asset-reader';
import { AnswersConfig } from '../resolve/answers.config';
import { AssetMemory, essentials, type KnownAsset } from './asset-memory';
import { laterReads } from './later-reads';
import { LiveLog } from './live-log';
import { RouteMemory } from './route-memory';
import type { Known } from './stream-memory';

/** The revision of that stream that an answer has to include; -1 where any will do. */
export const revisionIn = (stream: string, atLeast: Token | undefined): number => (atLeast?.stream === stream ? atLeast.revision : -1);

/**
 * Routes and assets as the log has them: from memory while that is proven to be as new as the log, else from their streams. An asset
 * that is remembered lacks what only a new transfer needs.
 */
@Injectable()
export class Memory implements OnApplicationBootstrap, OnModuleDestroy {
  readonly routes: RouteMemory;
  readonly assets: AssetMemory;
  private readonly log: LiveLog;
  private readonly assetReads = laterReads<AssetForTransfer | undefined>();
  private readonly routeReads = laterReads<Known<RouteState>>();

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(LOGGER) logger: Logger,
    private readonly reader: AssetReader,
    { TRANSFER_MEMORY_ROUTES }: AnswersConfig,
  ) {
    this.routes = new RouteMemory(TRANSFER_MEMORY_ROUTES);
    this.assets = new AssetMemory(TRANSFER_MEMORY_ROUTES);
    this.log = new LiveLog({ store, prefixes: [TRANSFER_CATEGORY, ASSET_CATEGORY], onEvent: (event) => this.apply(event), logger });
    this.measure();
  }

  onApplicationBootstrap(): void {
    this.log.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.log.close();
  }

  get live(): boolean {
    return this.log.live;
  }

  /** Undefined where it is not known, or not for sure. */
  asset(assetId: string, atLeast?: Token): KnownAsset | undefined {
    return this.live ? this.assets.find(assetId, revisionIn(assetStream(assetId), atLeast))?.state : undefined;
  }

  /** One read, begun after the question. With everything that a transfer needs. */
  readAsset(assetId: string): Promise<AssetForTransfer | undefined> {
    return this.assetReads(assetId, async () => {
      let asset: AssetForTransfer | undefined;
      await this.assets.fill(assetId, async () => {
        const found = await this.reader.read(assetId);
        asset = found?.asset;
        return found && { state: essentials(found.asset), revision: found.revision, position: found.position };
      });
      return asset;
    });
  }

  /** Undefined where it is not known, or not for sure. */
  route(routeId: string, atLeast?: Token): Known<RouteState> | undefined {
    return this.live ? this.routes.find(routeId, revisionIn(transferStream(routeId), atLeast)) : undefined;
  }

  /**
   * One read, begun after the question; revision -1 where there is no such stream.
   * @throws FerryError UNKNOWN_EVENT
   */
  readRoute(routeId: string): Promise<Known<RouteState>> {
    const load = async () => {
      const { state, revision, position } = await this.store.load(transferDefinition, transferStream(routeId));
      return { state, revision, position };
    };
    return this.routeReads(routeId, () => this.routes.fill(routeId, load));
  }

  /** The route as an append of this process left it. */
  settle<K extends Known<RouteState>>(routeId: string, append: () => Promise<K>): Promise<K> {
    return this.routes.fill(routeId, append);
  }

  private apply(event: RecordedEvent): void {
    const routeId = idInStream(TRANSFER_CATEGORY, event.streamName);
    if (routeId !== undefined) return this.routes.apply(routeId, event);
    const assetId = idInStream(ASSET_CATEGORY, event.streamName);
    if (assetId !== undefined) this.assets.apply(assetId, event);
  }

  private measure(): void {
    const parts = { routes: this.routes, assets: this.assets };
    const gauge = (name: string, help: string, value: (part: RouteMemory | AssetMemory) => number) => {
      if (metrics.getSingleMetric(name)) return;
      new Gauge({
        name,
        help,
        labelNames: ['part'],
        collect() {
          for (const [part, memory] of Object.entries(parts)) this.set({ part }, value(memory));
        },
      });
    };
    gauge('ferry_memory_entries', 'What is remembered to answer from.', ({ size }) => size);
    gauge('ferry_memory_hits', 'Questions that the memory could answer, since the start.', ({ hits }) => hits);
    gauge('ferry_memory_misses', 'Questions that cost a read, since the start.', ({ misses }) => misses);
  }
}
