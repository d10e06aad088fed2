import { SUBJECTS, type AcquireLeaseAnswer, type CachedFile, type FollowDownloadAnswer, type FollowDownloadRequest, type OpenDownloadAnswer, type OpenDownloadRequest } from '@ferry/contracts';
import type { FerryError } from '@ferry/kernel';
import type { Messaging } from '@ferry/messaging';
import type { Logger } from '@ferry/observability';
import { LOGGER, MESSAGING } from '@ferry/service-host';
import { Inject, Injectable } from '@nestjs/common';

const CALL_MS = 5_000;
const LEASE_MS = 60_000;
const RENEW_MS = 15_000;
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

  /** Undefined where the file is not cached; with `waitMs`, also not after waiting so long for one that is being written. */
  async lease(owner: string, assetId: string, holder: string, waitMs?: number): Promise<LeasedFile | undefined> {
    const request = { owner, actor: ACTOR, assetId, holder, ttlMs: LEASE_MS, ...(waitMs === undefined ? {} : { waitMs }) };
    let answer: AcquireLeaseAnswer;
    try {
      answer = await this.messaging.request<AcquireLeaseAnswer>(SUBJECTS.cache.acquire, request, { timeoutMs: CALL_MS + (waitMs ?? 0) });
    } catch (error) {
      if ((error as FerryError).code === 'NOT_CACHED') return undefined;
      throw error;
    }
    const { leaseId, file, getUrl } = answer;
    const lease = { owner, actor: ACTOR, leaseId };
    const renewing = setInterval(() => void this.tell(SUBJECTS.cache.renew, { ...lease, ttlMs: LEASE_MS }), RENEW_MS);
    const close = async () => {
      clearInterval(renewing);
      await this.tell(SUBJECTS.cache.release, lease);
    };
    return { file, getUrl, close };
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
  private async tell(subject: string, data: object): Promise<void> {
    try {
      await this.messaging.request(subject, data, { timeoutMs: CALL_MS });
    } catch (error) {
      this.logger.info({ err: error, subject }, 'the cache could not be told about a lease');
    }
  }
}
