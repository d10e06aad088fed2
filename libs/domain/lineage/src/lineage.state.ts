import { unreachable } from '@ferry/kernel';
import type { LineageEvent, OrderedParentLink, ParentLinkKey } from './lineage.events';

/** A child and its parents, in the order in which they were linked. */
export interface LineageState {
  readonly parents: readonly OrderedParentLink[];
}

export const initialState = (): LineageState => ({ parents: [] });

export const isSameLink = (a: ParentLinkKey, b: ParentLinkKey): boolean =>
  a.parentAssetId === b.parentAssetId && a.relationType === b.relationType && a.sequenceOrder === b.sequenceOrder;

export const evolve = ({ parents }: LineageState, event: LineageEvent): LineageState => {
  switch (event.type) {
    case 'ParentLinked':
      return { parents: [...parents.filter((parent) => !isSameLink(parent, event.data)), event.data] };
    case 'ParentUnlinked':
      return { parents: parents.filter((parent) => !isSameLink(parent, event.data)) };
    default:
      return unreachable(event);
  }
};
