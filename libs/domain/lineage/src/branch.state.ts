import { unreachable } from '@ferry/kernel';
import type { BranchCreatedData, BranchEvent, BranchVariant } from './lineage.events';

interface BranchFacts extends BranchCreatedData {
  readonly variants: readonly BranchVariant[];
  readonly selected?: string;
}

export type OpenBranch = BranchFacts & { readonly status: 'open' };
export type ClosedBranch = BranchFacts & { readonly status: 'closed' };
export type BranchState = { readonly status: 'uncreated' } | OpenBranch | ClosedBranch;

export const initialState = (): BranchState => ({ status: 'uncreated' });

const removeVariant = (branch: OpenBranch, variantAssetId: string): OpenBranch => {
  const { selected, ...rest } = branch;
  const variants = branch.variants.filter((variant) => variant.variantAssetId !== variantAssetId);
  return { ...rest, variants, ...(selected !== undefined && selected !== variantAssetId && { selected }) };
};

export const evolve = (state: BranchState, event: BranchEvent): BranchState => {
  if (event.type === 'BranchCreated') return { ...event.data, status: 'open', variants: [] };
  if (state.status !== 'open') return state;
  switch (event.type) {
    case 'VariantAdded':
      return { ...state, variants: [...state.variants, event.data] };
    case 'VariantSelected':
      return { ...state, selected: event.data.variantAssetId };
    case 'VariantRemoved':
      return removeVariant(state, event.data.variantAssetId);
    case 'BranchRenamed':
      return { ...state, personal: event.data.personal };
    case 'BranchClosed':
      return { ...state, status: 'closed' };
    default:
      return unreachable(event);
  }
};
