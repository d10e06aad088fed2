import { ASSET_CATEGORY, type AssetEvent } from '@ferry/domain/asset/events';
import { ACCESS_CATEGORY, type AccessEvent } from '@ferry/domain/cache/events';
import { USAGE_CATEGORY, type UsageEvent } from '@ferry/domain/transfer/events';
import { idInStream } from '@ferry/kernel';
import { defineProjection } from '@ferry/read-models';

export interface AssetUses {
  readonly owner: string;
  readonly assetId: string;
  /** Minutes in which a reference to it was handed out, or its file was read; of several processes' minutes each counts. */
  readonly uses: number;
  /** ISO date of the last such minute. */
  readonly lastUsedAt?: string;
  readonly deleted?: true;
}

const used = (row: AssetUses | undefined, minute: string): AssetUses | undefined =>
  row && { ...row, uses: row.uses + 1, lastUsedAt: row.lastUsedAt !== undefined && row.lastUsedAt > minute ? row.lastUsedAt : minute };

/** How much each asset is used. The events tell of many owners at once: whose an asset is, its registration has said before. */
export const assetUsesProjection = defineProjection<AssetEvent | UsageEvent | AccessEvent, AssetUses>()({
  name: 'asset-uses',
  version: 1,
  categories: [ASSET_CATEGORY, USAGE_CATEGORY, ACCESS_CATEGORY],
  indexes: [{ key: { owner: 1, uses: -1, lastUsedAt: -1 } }],
  id: (event) => {
    if (event.type === 'ReferencesUsed') return event.data.uses.map(({ assetId }) => assetId);
    if (event.type === 'FilesAccessed') return event.data.assetIds;
    return idInStream(ASSET_CATEGORY, event.streamName);
  },
  on: {
    AssetRegistered: (_, { streamName, metadata: { owner } }) => ({ owner, assetId: idInStream(ASSET_CATEGORY, streamName)!, uses: 0 }),
    AssetDeleted: (row) => row && { ...row, deleted: true },
    ReferencesUsed: (row, { data }) => used(row, data.minute),
    FilesAccessed: (row, { data }) => used(row, data.minute),
  },
  ignores: ['AssetContentVerified', 'AssetOriginRefreshed', 'AssetOriginLost'],
});
