import type { EventStore } from '@ferry/event-store';
import { createPolicy } from '@ferry/eviction';
import type { Messaging } from '@ferry/messaging';
import type { HealthState, Logger } from '@ferry/observability';
import type { ProviderDirectory } from '@ferry/service-host/providers';
import { resolve } from 'node:path';
import type { CacheManagerConfig } from '../cache-manager.config';
import { DataPlaneServer } from '../data-plane/data-plane.server';
import { SignedUrls } from '../data-plane/signed-url';
import { Budget, roundToBlocks } from '../disk/budget';
import { CacheDisk } from '../disk/cache-disk';
import { ensureFolder } from '../disk/durable';
import { FolderLock } from '../disk/folder-lock';
import { CacheLayout } from '../disk/layout';
import { Volume } from '../disk/volume';
import { EvictionOrder, minuteNow } from '../eviction/eviction-order';
import { Evictor } from '../eviction/evictor';
import { OtherCopies } from '../eviction/other-copies';
import { Pins } from '../eviction/pins';
import { newLeaseId } from '../nodes/lease-ids';
import { LiveNodes } from '../nodes/live-nodes';
import { nodeCallsOf } from '../nodes/node-calls';
import { NodeCopies } from '../nodes/node-copies';
import { NodeLink } from '../nodes/node-link';
import { PlaceNotices } from '../nodes/place-notices';
import { Router } from '../nodes/router';
import { CacheForecasts } from '../statistics/cache-forecasts';
import { AccessLog } from './access-log';
import { Attempts } from './attempts';
import { CacheIndex } from './cache-index';
import { CacheLife, followedBy } from './cache-life';
import { CacheLog } from './cache-log';
import { CacheMetrics } from './cache-metrics';
import { CacheService } from './cache.service';
import { EventJournal } from './event-journal';
import { FileKeeper } from './file-keeper';
import { FileReceiver } from './file-receiver';
import { GrowingFiles } from './growing-files';
import { Leases } from './leases';
import { Reconciler } from './reconciler';
import { Scrubber } from './scrubber';

/** Milliseconds. A vendor may be slow to give or take; one that stands still is given up. */
const BODY_IDLE_MS = 30_000;
const CONNECTION_IDLE_MS = 60_000;
const TOTAL_MS = 2 * 60 * 60 * 1000;

export interface NodeParts {
  readonly eventStore: EventStore;
  readonly messaging: Messaging;
  readonly directory: ProviderDirectory;
  readonly logger: Logger;
}

/** One cache node: its folder, its budget, its data plane, and what the events say of it. */
export class CacheNode {
  private constructor(
    /** What is asked of the cache, whichever node it is for. */
    readonly router: Router,
    private readonly nodes: LiveNodes,
    private readonly link: NodeLink,
    private readonly places: PlaceNotices,
    private readonly forecasts: CacheForecasts,
    private readonly life: CacheLife,
    private readonly dataPlane: DataPlaneServer,
    private readonly accesses: AccessLog,
    private readonly evictor: Evictor,
    private readonly scrubber: Scrubber,
    private readonly lock: FolderLock,
  ) {}

  /** @throws FerryError CACHE_FOLDER_IN_USE, CACHE_NODE_ID_IN_USE; Error where the folder or the port cannot be had */
  static async start(config: CacheManagerConfig, { eventStore, messaging, directory, logger }: NodeParts): Promise<CacheNode> {
    const folder = resolve(config.CACHE_DIR);
    const nodeId = config.CACHE_NODE_ID;
    const order = new EvictionOrder(createPolicy(config.CACHE_POLICY));
    const index: CacheIndex = new CacheIndex(nodeId, (assetId, minute) => follow(order, index, assetId, minute));
    const leases = new Leases(() => performance.now(), (assetId, isLeased) => order.set(assetId, 'leased', isLeased), () => newLeaseId(nodeId));
    await ensureFolder(folder);
    const volume = await Volume.of(folder, config.CACHE_MIN_FREE_BYTES);
    const budget: Budget = new Budget(config.CACHE_MAX_BYTES, { makeRoom: (bytes) => evictor.makeRoom(bytes), heldBy: () => order.heldBytes() }, volume);
    const disk = await CacheDisk.open(folder, budget);
    const lock = FolderLock.take(new CacheLayout(folder).lockFile, folder);
    const nodes = new LiveNodes(messaging, nodeId, logger);
    const link = new NodeLink(messaging, nodes);
    const log = new CacheLog(eventStore, index);
    const metrics = new CacheMetrics();
    metrics.watch({ budget, order, leases });
    const keeper = new FileKeeper(index, disk, log, logger, (reason, freedBytes) => metrics.evicted(reason, freedBytes));
    const rules = { confirmedForMs: config.LAST_COPY_CONFIRM_SECONDS * 1_000, marginMs: config.LAST_COPY_MARGIN_SECONDS * 1_000 };
    const copies = new OtherCopies({ eventStore, messaging, directory, nodes: new NodeCopies(index, nodes, link), logger }, rules);
    const leaseMs = config.CACHE_LEASE_SECONDS * 1_000;
    const limits = { high: config.CACHE_HIGH_WATERMARK, low: config.CACHE_LOW_WATERMARK, restMs: leaseMs };
    const evictor: Evictor = new Evictor({ order, copies, keeper, index, leases, budget, logger }, limits);
    const attempts = new Attempts(() => Date.now());
    const places = new PlaceNotices(messaging, nodeId, attempts);
    const growing = new GrowingFiles();
    const accesses = new AccessLog(eventStore, nodeId, logger, (assetId) => order.touch(assetId, minuteNow()));
    const urls: SignedUrls = new SignedUrls(() => config.CACHE_DATA_URL?.replace(/\/+$/, '') ?? dataPlane.address, config.CACHE_URL_SECRET.split(','));
    const journal = new EventJournal(disk.layout.journal, { nodeId, prefixes: followedBy(nodeId) }, logger, (bytes) => budget.setAside(bytes));
    const scrubber = new Scrubber({ index, disk, keeper, leases, metrics, logger }, config.CACHE_SCRUB_BYTES_PER_SECOND);
    const onReady = (): void => {
      evictor.begin();
      scrubber.begin();
      nodes.begin();
    };
    const life = new CacheLife({ index, order, keeper, journal, onReady, reconciler: new Reconciler(index, disk, log, keeper, eventStore, logger), eventStore, logger });
    const ensureReady = (): void => life.ensureReady();
    const deadlines = { idleMs: BODY_IDLE_MS, totalMs: TOTAL_MS };
    const dataPlane: DataPlaneServer = new DataPlaneServer({
      urls,
      put: { index, keeper, receiver: new FileReceiver(index, disk, log, keeper, growing, (bytes) => metrics.fetched(bytes)), attempts, deadlines },
      get: { keeper, accesses, growing, leases, silentMs: CONNECTION_IDLE_MS, totalMs: TOTAL_MS },
      ensureReady,
      idleMs: CONNECTION_IDLE_MS,
      logger,
    });
    const forecasts = new CacheForecasts({ eventStore, index, policy: config.CACHE_POLICY, maxBytes: config.CACHE_MAX_BYTES, logger });
    const service = new CacheService({ index, keeper, budget, order, leases, leaseMs, attempts, growing, accesses, metrics, urls, eventStore, log, onPlaceGiven: (attempt) => places.tell(attempt), ensureReady });
    await nodes.join();
    await dataPlane.listen(config.CACHE_DATA_PORT, config.CACHE_DATA_HOST);
    logger.info({ folder, dataPlane: dataPlane.address }, 'data plane listens');
    const pins = new Pins({ index, log, order, budget, ensureReady }, { all: config.CACHE_UNEVICTABLE_SHARE, perOwner: config.CACHE_UNEVICTABLE_SHARE_PER_OWNER });
    const router = new Router({ nodes, link, index, log, growing, isReady: () => life.isReady });
    link.listen(nodeCallsOf(service, pins, forecasts), (call, request) => router.find(call, request));
    return new CacheNode(router, nodes, link, places, forecasts, life, dataPlane, accesses, evictor, scrubber, lock);
  }

  health(): HealthState {
    return this.life.health();
  }

  async close(): Promise<void> {
    await this.nodes.leave();
    this.link.close();
    this.places.close();
    const background = Promise.all([this.evictor.close(), this.scrubber.close(), this.forecasts.close()]);
    await this.dataPlane.close();
    await background;
    await this.accesses.close();
    await this.life.close();
    this.lock.release();
  }
}

/** The order of eviction knows what the events say. */
const follow = (order: EvictionOrder, index: CacheIndex, assetId: string, minute: number): void => {
  const found = index.find(assetId);
  if (found) order.put({ assetId, owner: found.owner, bytes: roundToBlocks(found.file.sizeBytes) }, minute);
  else order.remove(assetId);
  order.set(assetId, 'pinned', index.isPinned(assetId));
  if (index.isLastCopyReleased(assetId)) order.set(assetId, 'last-copy', false);
};
