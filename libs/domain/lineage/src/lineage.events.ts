import { eventTypesOf, type DomainEvent, type ParentLink } from '@ferry/kernel';

/** Prefix of the streams of a child's parents. */
export const LINEAGE_CATEGORY = 'lineage-';
export const lineageStream = (childAssetId: string): string => `${LINEAGE_CATEGORY}${childAssetId}`;

export interface OrderedParentLink extends ParentLink {
  readonly sequenceOrder: number;
}

/** What tells a child's links apart. */
export type ParentLinkKey = Pick<OrderedParentLink, 'parentAssetId' | 'relationType' | 'sequenceOrder'>;

export type LineageEvent = DomainEvent<'ParentLinked', OrderedParentLink> | DomainEvent<'ParentUnlinked', ParentLinkKey>;

export const LINEAGE_EVENT_TYPES = eventTypesOf<LineageEvent>({ ParentLinked: true, ParentUnlinked: true });

/** Prefix of a branch point's stream. */
export const BRANCH_CATEGORY = 'branch-';
export const branchStream = (branchId: string): string => `${BRANCH_CATEGORY}${branchId}`;

/** Redacted everywhere outside events. */
export interface BranchName {
  readonly name: string;
}

export interface BranchCreatedData {
  readonly sourceAssetId: string;
  /** Seconds from the source's start. */
  readonly branchTime: number;
  readonly branchFrame?: number;
  readonly tag?: string;
  readonly type: string;
  readonly personal: BranchName;
}

/** One take: an outcome at the branch point. */
export interface BranchVariant {
  readonly variantAssetId: string;
  readonly tag?: string;
  readonly weight?: number;
  readonly condition?: string;
}

interface OfVariant {
  readonly variantAssetId: string;
}

export type BranchEvent =
  | DomainEvent<'BranchCreated', BranchCreatedData>
  | DomainEvent<'VariantAdded', BranchVariant>
  | DomainEvent<'VariantSelected', OfVariant>
  | DomainEvent<'VariantRemoved', OfVariant>
  | DomainEvent<'BranchRenamed', { readonly personal: BranchName }>
  | DomainEvent<'BranchClosed', Readonly<Record<string, never>>>;

export const BRANCH_EVENT_TYPES = eventTypesOf<BranchEvent>({
  BranchCreated: true,
  VariantAdded: true,
  VariantSelected: true,
  VariantRemoved: true,
  BranchRenamed: true,
  BranchClosed: true,
});
