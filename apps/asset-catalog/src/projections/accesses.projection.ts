import { ACCESS_CATEGORY, type AccessEvent } from '@ferry/domain/cache/events';
import { USAGE_CATEGORY, type UsageEvent } from '@ferry/domain/transfer/events';
import { defineProjection } from '@ferry/read-models';

/** When an asset was last read from the cache or handed out by reference. Asked for only beside an asset whose owner was checked. */
export interface AccessDocument {
  readonly lastAccessedAt: string;
}

const later = (document: AccessDocument | undefined, minute: string): AccessDocument =>
  document && document.lastAccessedAt > minute ? document : { lastAccessedAt: minute };

/** One event touches every asset of its minute. */
export const accesses = defineProjection<AccessEvent | UsageEvent, AccessDocument>()({
  name: 'asset-accesses',
  version: 1,
  categories: [ACCESS_CATEGORY, USAGE_CATEGORY],
  id: ({ data }) => ('assetIds' in data ? data.assetIds : data.uses.map(({ assetId }) => assetId)),
  on: {
    FilesAccessed: (document, { data }) => later(document, data.minute),
    ReferencesUsed: (document, { data }) => later(document, data.minute),
  },
  ignores: [],
});
