import { downloadStream, type DownloadEvent } from '@ferry/domain/download';
import type { WarmedAsset } from '@ferry/domain/warming';
import type { EventStore } from '@ferry/event-store';
import type { ReadModels } from '@ferry/read-models';
import { EVENT_STORE, READ_MODELS } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { AssetReader } from '../assets/asset-reader';
import { assetBytesProjection } from '../capture/asset-bytes.projection';
import { Cancellation } from '../engine/cancellation';
import { RunLog } from '../engine/run-log';

const READ_MS = 5_000;

export interface WarmingOf {
  readonly warmingId: string;
  readonly owner: string;
}

/** What the download's stream says of the warming's part in it. */
type Part = 'none' | 'open' | WarmedAsset;

/** A warming follows the downloads of its assets, as transfers do: one that both want is one download. */
@Injectable()
export class WarmingDownloads {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(READ_MODELS) private readonly models: ReadModels,
    private readonly assets: AssetReader,
    private readonly log: RunLog,
    private readonly cancellation: Cancellation,
  ) {}

  /** Those of the owner's assets that are in the cache. */
  async cachedOf(owner: string, assetIds: readonly string[]): Promise<ReadonlySet<string>> {
    const filter = { _id: { $in: [...assetIds] }, owner, 'nodes.0': { $exists: true }, gone: { $exists: false } };
    const rows = await this.models.collection(assetBytesProjection).find(filter, { maxTimeMS: READ_MS }).toArray();
    return new Set(rows.map(({ assetId }) => assetId));
  }

  /** The asset's outcome; undefined: its download is open, begun or joined now if it was not. */
  async bring({ warmingId, owner }: WarmingOf, assetId: string, isCached: boolean): Promise<WarmedAsset | undefined> {
    const part = await this.partOf(warmingId, assetId);
    if (part === 'open') return undefined;
    if (part !== 'none') return part;
    const asset = await this.assets.find(assetId);
    if (asset?.owner !== owner) return { assetId, outcome: 'failed', kind: 'unknown-asset' };
    if (asset.deleted) return { assetId, outcome: 'failed', kind: 'asset-deleted' };
    if (isCached) return { assetId, outcome: 'cached' };
    await this.log.download(assetId, { owner }, { type: 'RequestDownload', data: { assetId, reason: 'warm', priority: 'warm', transferId: warmingId } });
    return undefined;
  }

  /** Nobody waits for the bytes any more; what others wait for goes on. */
  async leave({ warmingId, owner }: WarmingOf, assetIds: readonly string[]): Promise<void> {
    for (const assetId of assetIds) {
      if ((await this.partOf(warmingId, assetId)) === 'open') await this.cancellation.leave({ runId: warmingId, owner }, assetId, 'warm');
    }
  }

  private async partOf(warmingId: string, assetId: string): Promise<Part> {
    const events = (await this.store.read(downloadStream(assetId))) as unknown as readonly DownloadEvent[];
    const joined = events.findLast((event) => event.type === 'DownloadJoined' && event.data.transferId === warmingId);
    if (!joined) return 'none';
    for (const event of events) {
      if (event.data.downloadId !== joined.data.downloadId) continue;
      if (event.type === 'DownloadCompleted') return { assetId, outcome: 'downloaded', bytes: event.data.bytes };
      if (event.type === 'DownloadFailed') return { assetId, outcome: 'failed', kind: event.data.kind };
      if (event.type === 'DownloadCancelled') return { assetId, outcome: 'failed', kind: 'cancelled' };
    }
    return 'open';
  }
}
