import { sameJson, unreachable } from '@ferry/kernel';
import type { LineageEvent, OrderedParentLink, ParentLinkKey } from './lineage.events';

/** A child and its parents, in the order in which they were linked. */
export interface LineageState {
  readonly parents: readonly OrderedParentLink[];
  /** Links that were taken away, each once. */
  readonly unlinked: readonly OrderedParentLink[];
}

export const initialState = (): LineageState => ({ parents: [], unlinked: [] });

export const isSameLink = (a: ParentLinkKey, b: ParentLinkKey): boolean =>
  a.parentAssetId === b.parentAssetId && a.relationType === b.relationType && a.sequenceOrder === b.sequenceOrder;

export const evolve = (state: LineageState, event: LineageEvent): LineageState => {
  const { parents } = state;
  switch (event.type) {
    case 'ParentLinked':
      return { ...state, parents: [...parents.filter((parent) => !isSameLink(parent, event.data)), event.data] };
    case 'ParentUnlinked': {
      const gone = parents.filter((parent) => isSameLink(parent, event.data));
      const others = state.unlinked.filter((known) => !gone.some((parent) => sameJson(parent, known)));
      return { parents: parents.filter((parent) => !gone.includes(parent)), unlinked: [...others, ...gone] };
    }
    default:
      return unreachable(event);
  }
};
