import { SUBJECTS, type AcquireLeaseAnswer, type CachedFile, type FollowDownloadAnswer, type FollowDownloadRequest, type OpenDownloadAnswer, type OpenDownloadRequest } from '@ferry/contracts';
import type { FerryError } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import type { Logger } from '@ferry/observability';
import { LOGGER, MESSAGING } from '@ferry/service-host';
import { Inject, Injectable } from '@nestjs/common';

const CALL_MS = 5_000;
const LEASE_MS = 60_000;
/** A lease that the cache gives for less is renewed more often. */
const RENEW_MS = { least: 1_000, most: 15_000 };
const ACTOR = 'service:transfer';

/** A cached file that is not evicted while this is open. */
export interface LeasedFile {
  readonly file: CachedFile;
  readonly getUrl: string;
  close(): Promise<void>;
}

/** The cache-manager as the engine needs it. */
@Injectable()
export class CacheClient {
  constructor(
    @Inject(MESSAGING) private readonly messaging: Messaging,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Undefined where the file is not cached; with `waitMs`, also not after waiting so long for one that is being written (on that node). */
  async lease(owner: string, assetId: string, holder: string, growing: { readonly waitMs?: number; readonly nodeId?: string } = {}): Promise<LeasedFile | undefined> {
    const wanted = { owner, actor: ACTOR, assetId, holder, ttlMs: LEASE_MS };
    let answer: AcquireLeaseAnswer;
    try {
      answer = await this.acquire({ ...wanted, ...growing }, growing.waitMs);
    } catch (error) {
      if ((error as FerryError).code === 'NOT_CACHED') return undefined;
      throw error;
    }
    const { file, getUrl } = answer;
    let { leaseId } = answer;
    let closed = false;
    const release = () => this.told(() => this.messaging.request(SUBJECTS.cache.release, { owner, actor: ACTOR, leaseId }, { timeoutMs: CALL_MS }));
    const renew = () =>
      this.told(async () => {
        try {
          await this.messaging.request(SUBJECTS.cache.renew, { owner, actor: ACTOR, leaseId, ttlMs: LEASE_MS }, { timeoutMs: CALL_MS });
        } catch (error) {
          if ((error as FerryError).code !== 'LEASE_ENDED' || closed) throw error;
          // The cache-manager began anew meanwhile: leases are in its memory.
          ({ leaseId } = await this.acquire(wanted));
          if (closed) await release();
        }
      });
    const renewing = setInterval(() => void renew(), renewEveryMs(answer));
    const close = async () => {
      closed = true;
      clearInterval(renewing);
      await release();
    };
    return { file, getUrl, close };
  }

  private acquire(wanted: object, waitMs = 0): Promise<AcquireLeaseAnswer> {
    return this.messaging.request<AcquireLeaseAnswer>(SUBJECTS.cache.acquire, wanted, { timeoutMs: CALL_MS + waitMs });
  }

  /** A place to put the bytes, or the file where they are there already. */
  async open(request: Omit<OpenDownloadRequest, 'actor'>): Promise<OpenDownloadAnswer | { readonly file: CachedFile }> {
    try {
      return await this.messaging.request<OpenDownloadAnswer>(SUBJECTS.cache.open, { ...request, actor: ACTOR }, { timeoutMs: CALL_MS });
    } catch (error) {
      const { code, details } = error as FerryError;
      if (code === 'ALREADY_CACHED' && details?.['file']) return { file: details['file'] as CachedFile };
      throw error;
    }
  }

  /** `later`: ask again, it has not begun. `never`: it can only be had when it is cached. */
  async follow(request: Omit<FollowDownloadRequest, 'actor'>): Promise<FollowDownloadAnswer | 'later' | 'never'> {
    try {
      return await this.messaging.request<FollowDownloadAnswer>(SUBJECTS.cache.follow, { ...request, actor: ACTOR }, { timeoutMs: CALL_MS + request.waitMs });
    } catch (error) {
      const { code } = error as FerryError;
      if (code === 'DOWNLOAD_NOT_BEGUN') return 'later';
      if (code === 'LENGTH_UNKNOWN' || code === 'ALREADY_CACHED' || code === 'ATTEMPT_GONE') return 'never';
      throw error;
    }
  }

  /** A lease that cannot be renewed or released ends by itself within a minute: worth a line, not a failure. */
  private async told(tell: () => Promise<unknown>): Promise<void> {
    try {
      await tell();
    } catch (error) {
      this.logger.info({ err: error }, 'the cache could not be told about a lease');
    }
  }
}

const renewEveryMs = ({ expiresAt }: AcquireLeaseAnswer): number =>
  Math.min(RENEW_MS.most, Math.max(RENEW_MS.least, (Date.parse(expiresAt) - Date.now()) / 3));
