import { unreachable } from '@ferry/kernel';
import type { WarmedAsset, WarmingEvent, WarmingRule } from './warming.events';

interface WarmingFacts {
  readonly rule: WarmingRule;
  readonly assetIds: readonly string[];
  /** Those without an outcome, in the order in which they were named. */
  readonly pending: readonly string[];
  readonly downloaded: number;
  readonly cached: number;
  /** That were downloaded. */
  readonly bytes: number;
  readonly failures: readonly WarmedAsset[];
}

export type KnownWarming = WarmingFacts & { readonly status: 'running' | 'completed' | 'cancelled' };
export type WarmingState = { readonly status: 'unrequested' } | KnownWarming;

export const initialState = (): WarmingState => ({ status: 'unrequested' });

const warmed = (state: KnownWarming, assets: readonly WarmedAsset[]): KnownWarming => {
  const settled = new Set(assets.map(({ assetId }) => assetId));
  const count = (wanted: WarmedAsset['outcome']) => assets.filter(({ outcome }) => outcome === wanted).length;
  const failures = assets.filter(({ outcome }) => outcome === 'failed');
  return {
    ...state,
    pending: state.pending.filter((assetId) => !settled.has(assetId)),
    downloaded: state.downloaded + count('downloaded'),
    cached: state.cached + count('cached'),
    bytes: assets.reduce((sum, { bytes = 0 }) => sum + bytes, state.bytes),
    failures: failures.length ? [...state.failures, ...failures] : state.failures,
  };
};

export const evolve = (state: WarmingState, event: WarmingEvent): WarmingState => {
  if (event.type === 'WarmingRequested') {
    const { rule, assetIds } = event.data;
    return { status: 'running', rule, assetIds, pending: assetIds, downloaded: 0, cached: 0, bytes: 0, failures: [] };
  }
  if (state.status === 'unrequested') return state;
  switch (event.type) {
    case 'AssetsWarmed':
      return warmed(state, event.data.assets);
    case 'WarmingCompleted':
      return { ...state, status: 'completed' };
    case 'WarmingCancelled':
      return { ...state, status: 'cancelled' };
    default:
      return unreachable(event);
  }
};
