import { defined, sameJson, unreachable, type Command, type Decider, type StreamDefinition } from '@ferry/kernel';
import { evolve, initialState, type BranchState, type ClosedBranch, type OpenBranch } from './branch.state';
import { lineageError } from './lineage.errors';
import { BRANCH_CATEGORY, BRANCH_EVENT_TYPES, type BranchCreatedData, type BranchEvent, type BranchName, type BranchVariant } from './lineage.events';

type OfVariant = Pick<BranchVariant, 'variantAssetId'>;

export type CreateBranch = Command<'CreateBranch', BranchCreatedData>;
export type AddVariant = Command<'AddVariant', BranchVariant>;
export type SelectVariant = Command<'SelectVariant', OfVariant>;
export type RemoveVariant = Command<'RemoveVariant', OfVariant>;
export type RenameBranch = Command<'RenameBranch', { readonly personal: BranchName }>;
/** No more changes. */
export type CloseBranch = Command<'CloseBranch', Readonly<Record<string, never>>>;

export type BranchCommand = CreateBranch | AddVariant | SelectVariant | RemoveVariant | RenameBranch | CloseBranch;

const existing = (state: BranchState): OpenBranch | ClosedBranch => {
  if (state.status === 'uncreated') throw lineageError('UNKNOWN_BRANCH');
  return state;
};

const whileOpen = ({ status }: OpenBranch | ClosedBranch, event: BranchEvent): BranchEvent[] => {
  if (status === 'closed') throw lineageError('BRANCH_CLOSED');
  return [event];
};

/** Compared without the name, which may have changed since. */
const createBranch = ({ data }: CreateBranch, state: BranchState): BranchEvent[] => {
  const { sourceAssetId, branchTime, branchFrame, tag, type, personal } = data;
  const facts = { sourceAssetId, branchTime, branchFrame, tag, type };
  if (state.status === 'uncreated') return [{ type: 'BranchCreated', data: defined({ ...facts, personal }) }];
  const known = { sourceAssetId: state.sourceAssetId, branchTime: state.branchTime, branchFrame: state.branchFrame, tag: state.tag, type: state.type };
  if (!sameJson(facts, known)) throw lineageError('BRANCH_EXISTS');
  return [];
};

const addVariant = ({ data }: AddVariant, state: BranchState): BranchEvent[] => {
  const branch = existing(state);
  const { variantAssetId, tag, weight, condition } = data;
  const variant = defined({ variantAssetId, tag, weight, condition });
  if (variantAssetId === branch.sourceAssetId) throw lineageError('SELF_LINK', { assetId: variantAssetId });
  const known = branch.variants.find((other) => other.variantAssetId === variantAssetId);
  if (!known) return whileOpen(branch, { type: 'VariantAdded', data: variant });
  if (!sameJson(known, variant)) throw lineageError('VARIANT_DIFFERS', { variantAssetId });
  return [];
};

const selectVariant = ({ data: { variantAssetId } }: SelectVariant, state: BranchState): BranchEvent[] => {
  const branch = existing(state);
  if (branch.selected === variantAssetId) return [];
  if (!branch.variants.some((variant) => variant.variantAssetId === variantAssetId)) throw lineageError('UNKNOWN_VARIANT', { variantAssetId });
  return whileOpen(branch, { type: 'VariantSelected', data: { variantAssetId } });
};

const removeVariant = ({ data: { variantAssetId } }: RemoveVariant, state: BranchState): BranchEvent[] => {
  const branch = existing(state);
  const known = branch.variants.some((variant) => variant.variantAssetId === variantAssetId);
  return known ? whileOpen(branch, { type: 'VariantRemoved', data: { variantAssetId } }) : [];
};

const renameBranch = ({ data: { personal } }: RenameBranch, state: BranchState): BranchEvent[] => {
  const branch = existing(state);
  const { name } = personal;
  return branch.personal.name === name ? [] : whileOpen(branch, { type: 'BranchRenamed', data: { personal: { name } } });
};

const closeBranch = (state: BranchState): BranchEvent[] =>
  existing(state).status === 'closed' ? [] : [{ type: 'BranchClosed', data: {} }];

export const decide = (command: BranchCommand, state: BranchState): BranchEvent[] => {
  switch (command.type) {
    case 'CreateBranch':
      return createBranch(command, state);
    case 'AddVariant':
      return addVariant(command, state);
    case 'SelectVariant':
      return selectVariant(command, state);
    case 'RemoveVariant':
      return removeVariant(command, state);
    case 'RenameBranch':
      return renameBranch(command, state);
    case 'CloseBranch':
      return closeBranch(state);
    default:
      return unreachable(command);
  }
};

export const branchDecider: Decider<BranchState, BranchCommand, BranchEvent> = { decide, evolve, initialState };

export const branchDefinition: StreamDefinition<BranchState, BranchCommand, BranchEvent> = {
  category: BRANCH_CATEGORY,
  eventTypes: BRANCH_EVENT_TYPES,
  decider: branchDecider,
};
