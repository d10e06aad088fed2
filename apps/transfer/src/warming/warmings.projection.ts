import { WARMING_CATEGORY, type WarmingEvent, type WarmingRule } from '@ferry/domain/warming/events';
import { idInStream } from '@ferry/kernel';
import { defineProjection } from '@ferry/read-models';

export interface WarmingRow {
  readonly owner: string;
  readonly warmingId: string;
  readonly rule: WarmingRule;
  readonly status: 'running' | 'completed' | 'cancelled';
  readonly requestedAt: string;
  readonly total: number;
  readonly downloaded: number;
  readonly cached: number;
  readonly failed: number;
  readonly bytes: number;
}

export const warmingsProjection = defineProjection<WarmingEvent, WarmingRow>()({
  name: 'warmings',
  version: 1,
  categories: [WARMING_CATEGORY],
  indexes: [{ key: { owner: 1, requestedAt: -1 } }, { key: { owner: 1, status: 1 } }, { key: { status: 1, requestedAt: 1 } }],
  id: ({ streamName }) => idInStream(WARMING_CATEGORY, streamName),
  on: {
    WarmingRequested: (_, { streamName, metadata: { owner }, created, data: { rule, assetIds } }) => ({
      owner,
      warmingId: idInStream(WARMING_CATEGORY, streamName)!,
      rule,
      status: 'running',
      requestedAt: created,
      total: assetIds.length,
      downloaded: 0,
      cached: 0,
      failed: 0,
      bytes: 0,
    }),
    AssetsWarmed: (row, { data: { assets } }) => {
      const count = (wanted: (typeof assets)[number]['outcome']) => assets.filter(({ outcome }) => outcome === wanted).length;
      return (
        row && {
          ...row,
          downloaded: row.downloaded + count('downloaded'),
          cached: row.cached + count('cached'),
          failed: row.failed + count('failed'),
          bytes: assets.reduce((sum, { bytes = 0 }) => sum + bytes, row.bytes),
        }
      );
    },
    WarmingCompleted: (row) => row && { ...row, status: 'completed' },
    WarmingCancelled: (row) => row && { ...row, status: 'cancelled' },
  },
  ignores: [],
});
