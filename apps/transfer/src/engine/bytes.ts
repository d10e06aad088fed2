import { downloadDefinition, downloadStream, isOpenDownload } from '@ferry/domain/download';
import { metadataFor, type EventStore } from '@ferry/event-store';
import { FerryError, type Priority } from '@ferry/kernel';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { AssetForTransfer } from '../assets/asset-reader';
import { CacheClient, type LeasedFile } from './cache-client';
import type { Claim } from './claim';
import { RunIndex } from './run-index';
import { Slots } from './slots';

const ASK_STREAM_EVERY_MS = 5_000;

/** The cached file of one run, leased from the first use until it is closed; the use after that looks at it anew. */
export interface HeldFile {
  /** Undefined where the file is not cached. */
  file(asset: AssetForTransfer): Promise<LeasedFile | undefined>;
  close(): Promise<void>;
}

/** Gets a transfer its bytes: the cached copy, else the asset's one download, joined or begun. */
@Injectable()
export class Bytes {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly cache: CacheClient,
    private readonly index: RunIndex,
    private readonly slots: Slots,
  ) {}

  hold({ runId, epoch }: Claim): HeldFile {
    let leasing: Promise<LeasedFile | undefined> | undefined;
    const file = async ({ owner, assetId }: AssetForTransfer) => {
      // One lease for each claim: a worker that lost the run gives back its own and not its successor's.
      leasing ??= this.cache.lease(owner, assetId, `${runId}.${epoch}`);
      try {
        const leased = await leasing;
        if (!leased) leasing = undefined;
        return leased;
      } catch (error) {
        leasing = undefined;
        throw error;
      }
    };
    const close = async () => {
      const held = await leasing;
      leasing = undefined;
      await held?.close();
    };
    return { file, close };
  }

  /** Waits for the asset's download. Undefined when the bytes are in the cache (or the run is to look again), else why not. */
  async fetch(claim: Claim, asset: AssetForTransfer, priority: Priority, signal: AbortSignal): Promise<{ kind: string; message: string } | undefined> {
    const { assetId, owner } = asset;
    const requested = await this.store.handle({
      definition: downloadDefinition,
      stream: downloadStream(assetId),
      command: {
        type: 'RequestDownload',
        data: { assetId, reason: 'transfer', priority, transferId: claim.runId, ...this.slots.firstClaim('download', priority) },
        metadata: { now: new Date().toISOString() },
      },
      metadata: metadataFor({ owner, actor: 'service:transfer', commandId: randomUUID() }),
    });
    if (!requested.events.some(({ type }) => type === 'DownloadClaimed')) this.slots.redeem('download');
    const downloadId = requested.state.run?.downloadId;
    if (!downloadId) throw new FerryError('INTERNAL', 'internal', 'A requested download has no run.');
    for (;;) {
      await this.slots.wait(claim.runId, () => this.index.ended(downloadId, requested.token.position, ASK_STREAM_EVERY_MS, signal));
      signal.throwIfAborted();
      const { state } = await this.store.load(downloadDefinition, downloadStream(assetId));
      if (isOpenDownload(state.run) && state.run.downloadId === downloadId) continue;
      return state.run?.downloadId === downloadId && state.run.status === 'failed' ? { kind: state.run.kind, message: state.run.message } : undefined;
    }
  }
}
