import type { AcquireLeaseAnswer, AcquireLeaseRequest, AssetRequest, CachedFile, CacheStatisticsRequest, CacheNodeStatistics, CacheNodeUsage, ConfirmCopyAnswer, FollowDownloadAnswer, FollowDownloadRequest, LeaseRequest, OpenDownloadAnswer, OpenDownloadRequest, OwnedRequest, PinAnswer, SkipCaptureRequest } from '@ferry/contracts';
import type { EventStore } from '@ferry/event-store';
import { defined, FerryError } from '@ferry/kernel';
import { stepBoundary } from '@ferry/observability';
import { withDeadline } from '@ferry/resilience';
import type { SignedUrls } from '../data-plane/signed-url';
import type { Budget } from '../disk/budget';
import type { CacheMetrics } from './cache-metrics';
import type { EvictionOrder } from '../eviction/eviction-order';
import type { AccessLog } from './access-log';
import { readAsset, unknownAsset } from './asset-facts';
import type { Attempt, Attempts } from './attempts';
import type { CacheIndex } from './cache-index';
import type { CacheLog } from './cache-log';
import { notCached, type FileKeeper } from './file-keeper';
import { follow } from './follow';
import type { GrowingFiles } from './growing-files';
import type { Lease, Leases } from './leases';

/** How long an address of the data plane can be used to begin. A lease is what keeps the file. */
const URL_TTL_MS = 60 * 60 * 1000;
/** Shorter than who asks for a place waits. */
const FIT_MS = 4_000;

export interface CacheParts {
  readonly index: CacheIndex;
  readonly keeper: FileKeeper;
  readonly budget: Budget;
  readonly order: EvictionOrder;
  readonly leases: Leases;
  /** Milliseconds that a lease lasts at most. */
  readonly leaseMs: number;
  readonly attempts: Attempts;
  readonly growing: GrowingFiles;
  readonly accesses: AccessLog;
  readonly metrics: CacheMetrics;
  readonly urls: SignedUrls;
  readonly eventStore: EventStore;
  readonly log: CacheLog;
  /** Tells the other nodes that an attempt was given a place. */
  readonly onPlaceGiven: (attempt: Attempt) => void;
  /** Throws until folder and events agree. */
  readonly ensureReady: () => void;
}

/** What other services ask of the cache, as this node answers it. */
export class CacheService {
  constructor(private readonly parts: CacheParts) {}

  /**
   * A place to put an asset's bytes.
   * @throws FerryError ALREADY_CACHED (conflict; details.file), UNKNOWN_ASSET, ASSET_DELETED, CONTENT_CHANGED, EXCEEDS_CACHE, CACHE_FULL,
   * PUT_SUPERSEDED, TOO_MANY_DOWNLOADS
   */
  async open(request: OpenDownloadRequest): Promise<OpenDownloadAnswer> {
    const { owner, assetId, downloadId, epoch, attempt, kind, filename, sizeBytes } = request;
    checkDownload(assetId, downloadId);
    const { eventStore, attempts, budget, index, urls, ensureReady } = this.parts;
    ensureReady();
    const asset = await readAsset(eventStore, assetId);
    if (asset?.owner !== owner) throw unknownAsset();
    const file = await this.parts.keeper.look(owner, assetId);
    if (file) throw alreadyCached(file);
    if (sizeBytes !== undefined) await withDeadline(budget.fit(sizeBytes), FIT_MS, 'Making room in the cache');
    const expiresAt = Date.now() + URL_TTL_MS;
    const given = { assetId, downloadId, epoch, attempt, expiresAt };
    attempts.announce(given);
    this.parts.onPlaceGiven(given);
    const sha256 = asset.content?.sha256 ?? request.sha256;
    const putUrl = urls.sign(defined({ operation: 'put', assetId, owner, expiresAt, downloadId, epoch, attempt, kind, filename, sizeBytes, sha256 }));
    stepBoundary('cache.place-given');
    return { putUrl, nodeId: index.nodeId };
  }

  /**
   * An address to read a download from while its bytes come, and what their beginning tells.
   * @throws FerryError ALREADY_CACHED, DOWNLOAD_NOT_BEGUN (also where its beginning has not come yet: ask again), LENGTH_UNKNOWN,
   * ATTEMPT_GONE (a later download runs), TOO_MANY_WAITERS
   */
  async follow(request: FollowDownloadRequest): Promise<FollowDownloadAnswer> {
    const { owner, assetId, downloadId, holder, waitMs } = request;
    checkDownload(assetId, downloadId);
    this.parts.ensureReady();
    const cached = await this.parts.keeper.look(owner, assetId);
    if (cached) throw alreadyCached(cached);
    const { epoch, ...file } = await follow(this.parts.growing, { owner, assetId, downloadId, waitMs });
    const follows = { downloadId, epoch, attempt: file.attempt, mimeType: file.mimeType ?? 'application/octet-stream' };
    const getUrl = this.parts.urls.sign({ operation: 'get', assetId, owner, expiresAt: Date.now() + URL_TTL_MS, run: holder, follows });
    return { ...file, nodeId: this.parts.index.nodeId, getUrl };
  }

  /** @throws FerryError NOT_CACHED, TOO_MANY_LEASES */
  async acquire({ owner, assetId, holder, waitMs = 0, ...wanted }: AcquireLeaseRequest): Promise<AcquireLeaseAnswer> {
    const { leases, accesses, growing, metrics, ensureReady } = this.parts;
    ensureReady();
    const ttlMs = this.lifeOf(wanted);
    const lease = leases.acquire(owner, assetId, holder, ttlMs);
    const reader = `${assetId} ${holder}`;
    if (waitMs) await growing.find(owner, assetId)?.ended(waitMs);
    const file = await this.parts.keeper.look(owner, assetId);
    if (!file) {
      leases.release(owner, lease.leaseId);
      metrics.missed(reader);
      throw notCached();
    }
    accesses.touch(assetId);
    metrics.hit(reader, file.sizeBytes);
    stepBoundary('cache.lease-given');
    return this.leaseAnswer(lease, ttlMs, file);
  }

  /** @throws FerryError LEASE_ENDED, NOT_CACHED */
  async renew({ owner, leaseId, ...wanted }: LeaseRequest): Promise<AcquireLeaseAnswer> {
    this.parts.ensureReady();
    const ttlMs = this.lifeOf(wanted);
    const lease = this.parts.leases.renew(owner, leaseId, ttlMs);
    const file = await this.parts.keeper.look(owner, lease.assetId);
    if (!file) throw notCached();
    return this.leaseAnswer(lease, ttlMs, file);
  }

  release({ owner, leaseId }: LeaseRequest): { released: true } {
    this.parts.leases.release(owner, leaseId);
    return { released: true };
  }

  /** Notes that there was no room before the origin's end. @throws FerryError UNKNOWN_ASSET */
  async skipCapture({ owner, actor, commandId, assetId, reason, originEndsAt }: SkipCaptureRequest): Promise<PinAnswer> {
    const { eventStore, log, ensureReady } = this.parts;
    ensureReady();
    if ((await readAsset(eventStore, assetId))?.owner !== owner) throw unknownAsset();
    return { token: await log.record(assetId, owner, { type: 'SkipCapture', data: { reason, originEndsAt } }, { actor, commandId }) };
  }

  /** Another node wants to count on the file here. */
  async confirm({ owner, assetId }: AssetRequest): Promise<ConfirmCopyAnswer> {
    this.parts.ensureReady();
    return { holds: (await this.parts.keeper.look(owner, assetId)) !== undefined };
  }

  /** `heldBytes` is of all owners, `yours` of the asker. */
  usage({ owner }: OwnedRequest): CacheNodeUsage {
    const { index, budget, leases, order } = this.parts;
    const { maxBytes, usedBytes, reservedBytes } = budget;
    return { nodeId: index.nodeId, maxBytes, usedBytes, reservedBytes, files: order.fileCount, leases: leases.count, heldBytes: order.heldBytes(), yours: order.heldBytes(owner) };
  }

  statistics({ owner, admin }: CacheStatisticsRequest): CacheNodeStatistics {
    const { index, order, leases, metrics } = this.parts;
    const { counters, since } = metrics;
    const times = { sinceStart: counters.of(), lastHour: counters.of(60), lastDay: counters.of(24 * 60) };
    return { nodeId: index.nodeId, since: since.toISOString(), ...times, leases: leases.count, owners: order.holdings(admin ? undefined : owner) };
  }

  private lifeOf({ ttlMs = this.parts.leaseMs }: { readonly ttlMs?: number }): number {
    return Math.min(ttlMs, this.parts.leaseMs);
  }

  private leaseAnswer({ leaseId, owner, assetId, holder }: Lease, ttlMs: number, file: CachedFile): AcquireLeaseAnswer {
    const getUrl = this.parts.urls.sign({ operation: 'get', assetId, owner, expiresAt: Date.now() + URL_TTL_MS, run: holder });
    return { leaseId, expiresAt: new Date(Date.now() + ttlMs).toISOString(), file, getUrl };
  }
}

const checkDownload = (assetId: string, downloadId: string): void => {
  if (downloadId.startsWith(`${assetId}-`)) return;
  throw new FerryError('VALIDATION_FAILED', 'invalid', 'The downloadId is of another asset.', { errors: ['downloadId must begin with assetId'] });
};

const alreadyCached = (file: CachedFile): FerryError =>
  new FerryError('ALREADY_CACHED', 'conflict', 'The asset is in the cache already. Acquire a lease on it.', { file });
