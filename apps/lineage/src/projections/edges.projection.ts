import { LINEAGE_CATEGORY, type LineageEvent, type OrderedParentLink } from '@ferry/domain/lineage/events';
import { idInStream, type DomainEvent } from '@ferry/kernel';
import { defineProjection } from '@ferry/read-models';

export interface EdgeDocument extends OrderedParentLink {
  readonly owner: string;
  readonly childAssetId: string;
  /** `refused`: it would have closed a cycle and was never part of the graph. */
  readonly status: 'linked' | 'unlinked' | 'refused';
}

/** Of a ParentLinked that closes a cycle with earlier links. Never stored: the same follows from the same events again. */
export type ParentLinkRefused = DomainEvent<'ParentLinkRefused', OrderedParentLink>;

export const edges = defineProjection<LineageEvent | ParentLinkRefused, EdgeDocument>()({
  name: 'lineage-edges',
  version: 1,
  categories: [LINEAGE_CATEGORY],
  indexes: [
    { key: { owner: 1, childAssetId: 1, status: 1 } },
    { key: { owner: 1, parentAssetId: 1, status: 1 } },
  ],
  id: ({ streamName, data: { parentAssetId, relationType, sequenceOrder } }) =>
    JSON.stringify([idInStream(LINEAGE_CATEGORY, streamName), parentAssetId, relationType, sequenceOrder]),
  on: {
    ParentLinked: (_, { streamName, metadata: { owner }, data }) => ({
      ...data,
      owner,
      childAssetId: idInStream(LINEAGE_CATEGORY, streamName)!,
      status: 'linked',
    }),
    ParentLinkRefused: (_, { streamName, metadata: { owner }, data }) => ({
      ...data,
      owner,
      childAssetId: idInStream(LINEAGE_CATEGORY, streamName)!,
      status: 'refused',
    }),
    ParentUnlinked: (edge) => edge && { ...edge, status: 'unlinked' },
  },
  ignores: [],
});
