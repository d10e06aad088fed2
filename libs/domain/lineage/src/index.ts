export {
  branchDecider,
  branchDefinition,
  type AddVariant,
  type BranchCommand,
  type CloseBranch,
  type CreateBranch,
  type RemoveVariant,
  type RenameBranch,
  type SelectVariant,
} from './branch.decider';
export { type BranchState, type ClosedBranch, type OpenBranch } from './branch.state';
export { lineageDecider, lineageDefinition, type LineageCommand, type LinkParent, type UnlinkParent } from './lineage.decider';
export { type LineageErrorCode } from './lineage.errors';
export * from './lineage.events';
export { type LineageState } from './lineage.state';
