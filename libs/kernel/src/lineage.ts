/** How a child was made from one of its parents. Times in seconds of the parent. */
export interface ParentLink {
  readonly parentAssetId: string;
  /** What the parent was to the child, e.g. `source`, `first-frame`. */
  readonly relationType: string;
  /** What was done, e.g. `image-to-video`. */
  readonly operationType: string;
  /** Place among the child's parents, from 0. */
  readonly sequenceOrder?: number;
  readonly parentStartTime?: number;
  readonly parentEndTime?: number;
  readonly parentFrame?: number;
  readonly influenceType?: string;
  /** 0 to 1. */
  readonly influenceWeight?: number;
  readonly influenceRegion?: string;
  readonly jobId?: string;
  readonly providerId?: string;
}
