import { eventTypesOf, type DomainEvent } from '@ferry/kernel';

/** Prefix of a warming's stream. */
export const WARMING_CATEGORY = 'warming-';
export const warmingStream = (warmingId: string): string => `${WARMING_CATEGORY}${warmingId}`;

/** The assets of one warming, at most. */
export const MAX_WARMED_ASSETS = 10_000;

/** How the assets were chosen: named one by one, as everything that an asset was made from, or as the owner's most used. */
export type WarmingRule =
  | { readonly by: 'list' }
  | { readonly by: 'inputs-of'; readonly assetId: string }
  | { readonly by: 'most-used'; readonly count: number };

export interface WarmedAsset {
  readonly assetId: string;
  /** `cached`: it was there before. */
  readonly outcome: 'downloaded' | 'cached' | 'failed';
  /** Of a download. */
  readonly bytes?: number;
  /** Of a failure: how the download ended, or what is wrong with the asset. */
  readonly kind?: string;
}

export type WarmingEvent =
  /** With the assets as they were chosen then, each of them once. */
  | DomainEvent<'WarmingRequested', { readonly rule: WarmingRule; readonly assetIds: readonly string[] }>
  | DomainEvent<'AssetsWarmed', { readonly assets: readonly WarmedAsset[] }>
  | DomainEvent<'WarmingCompleted', Readonly<Record<string, never>>>
  | DomainEvent<'WarmingCancelled', Readonly<Record<string, never>>>;

export const WARMING_EVENT_TYPES = eventTypesOf<WarmingEvent>({
  WarmingRequested: true,
  AssetsWarmed: true,
  WarmingCompleted: true,
  WarmingCancelled: true,
});
