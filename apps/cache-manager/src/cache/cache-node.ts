import type { EventStore } from '@ferry/event-store';
import type { HealthState, Logger } from '@ferry/observability';
import { resolve } from 'node:path';
import type { CacheManagerConfig } from '../cache-manager.config';
import { DataPlaneServer } from '../data-plane/data-plane.server';
import { SignedUrls } from '../data-plane/signed-url';
import { Budget } from '../disk/budget';
import { CacheDisk } from '../disk/cache-disk';
import { FolderLock } from '../disk/folder-lock';
import { CacheLayout } from '../disk/layout';
import { AccessLog } from './access-log';
import { Attempts } from './attempts';
import { CacheIndex } from './cache-index';
import { CacheLife } from './cache-life';
import { CacheLog } from './cache-log';
import { CacheService } from './cache.service';
import { FileKeeper } from './file-keeper';
import { FileReceiver } from './file-receiver';
import { GrowingFiles } from './growing-files';
import { holdersOf } from './holders';
import { Leases } from './leases';
import { Reconciler } from './reconciler';

/** Milliseconds. A vendor may be slow to give or take; one that stands still is given up. */
const BODY_IDLE_MS = 30_000;
const CONNECTION_IDLE_MS = 60_000;
const TOTAL_MS = 2 * 60 * 60 * 1000;

/** One cache node: its folder, its budget, its data plane, and what the events say of it. */
export class CacheNode {
  private constructor(
    readonly service: CacheService,
    private readonly life: CacheLife,
    private readonly dataPlane: DataPlaneServer,
    private readonly accesses: AccessLog,
    private readonly lock: FolderLock,
  ) {}

  /** @throws FerryError CACHE_FOLDER_IN_USE; Error where the folder or the port cannot be had */
  static async start(config: CacheManagerConfig, eventStore: EventStore, logger: Logger): Promise<CacheNode> {
    const folder = resolve(config.CACHE_DIR);
    const index = new CacheIndex(config.CACHE_NODE_ID);
    const leases = new Leases(() => performance.now());
    const budget = new Budget(config.CACHE_MAX_BYTES, () => holdersOf(index, leases));
    const disk = await CacheDisk.open(folder, budget);
    const lock = FolderLock.take(new CacheLayout(folder).lockFile, folder);
    const log = new CacheLog(eventStore, index);
    const keeper = new FileKeeper(index, disk, log, logger);
    const attempts = new Attempts(() => Date.now());
    const growing = new GrowingFiles();
    const accesses = new AccessLog(eventStore, config.CACHE_NODE_ID, logger);
    const urls: SignedUrls = new SignedUrls(() => config.CACHE_DATA_URL?.replace(/\/+$/, '') ?? dataPlane.address, config.CACHE_URL_SECRET.split(','));
    const life = new CacheLife({ index, keeper, reconciler: new Reconciler(index, disk, log, keeper, eventStore, logger), eventStore, logger });
    const ensureReady = (): void => life.ensureReady();
    const deadlines = { idleMs: BODY_IDLE_MS, totalMs: TOTAL_MS };
    const dataPlane: DataPlaneServer = new DataPlaneServer({
      urls,
      put: { index, keeper, receiver: new FileReceiver(index, disk, log, keeper, growing), attempts, deadlines },
      get: { keeper, accesses, growing, leases, silentMs: CONNECTION_IDLE_MS, totalMs: TOTAL_MS },
      ensureReady,
      idleMs: CONNECTION_IDLE_MS,
      logger,
    });
    const service = new CacheService({ index, keeper, budget, leases, attempts, growing, accesses, urls, eventStore, ensureReady });
    await dataPlane.listen(config.CACHE_DATA_PORT, config.CACHE_DATA_HOST);
    logger.info({ folder, dataPlane: dataPlane.address }, 'data plane listens');
    return new CacheNode(service, life, dataPlane, accesses, lock);
  }

  health(): HealthState {
    return this.life.health();
  }

  async close(): Promise<void> {
    await this.dataPlane.close();
    await this.accesses.close();
    await this.life.close();
    this.lock.release();
  }
}
