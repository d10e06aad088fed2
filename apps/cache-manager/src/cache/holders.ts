import { roundToBlocks } from '../disk/budget';
import type { CacheIndex } from './cache-index';
import type { Leases } from './leases';

/** Which reasons hold how many bytes, for a refusal. */
export const holdersOf = (index: CacheIndex, leases: Leases): Readonly<Record<string, number>> => {
  const leased = leases.leasedAssets();
  const held = { leased: 0, pinned: 0, cached: 0 };
  for (const { file } of index.cached()) {
    const reason = leased.has(file.assetId) ? 'leased' : index.isPinned(file.assetId) ? 'pinned' : 'cached';
    held[reason] += roundToBlocks(file.sizeBytes);
  }
  return held;
};
