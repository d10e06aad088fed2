import { unreachable } from '@ferry/kernel';
import type { AssetContent, AssetEvent, AssetRegisteredData, Origin } from './asset.events';

/** `kind` as registered; what the bytes are stands in `content`. */
interface AssetFacts extends Omit<AssetRegisteredData, 'origin' | 'personal'> {
  readonly origin: Origin;
  /** Why the origin no longer gives the bytes; absent while it is believed to. */
  readonly originLost?: string;
}

export type RegisteredAsset = AssetFacts & { readonly status: 'registered' };
export type VerifiedAsset = AssetFacts & { readonly status: 'verified'; readonly content: AssetContent };
export type LiveAsset = RegisteredAsset | VerifiedAsset;

export type AssetState = { readonly status: 'unregistered' } | LiveAsset | { readonly status: 'deleted'; readonly life: number };

export const initialState = (): AssetState => ({ status: 'unregistered' });

const evolveLive = (state: LiveAsset, event: Exclude<AssetEvent, { type: 'AssetRegistered' }>): AssetState => {
  switch (event.type) {
    case 'AssetContentVerified':
      return { ...state, status: 'verified', content: event.data };
    case 'AssetOriginRefreshed': {
      const { originLost: _, ...found } = state;
      const { providerId, accountId } = state.origin;
      return { ...found, origin: { providerId, accountId, ...event.data } };
    }
    case 'AssetOriginLost':
      return { ...state, originLost: event.data.reason };
    case 'AssetDeleted':
      return { status: 'deleted', life: state.life };
    default:
      return unreachable(event);
  }
};

export const evolve = (state: AssetState, event: AssetEvent): AssetState => {
  if (event.type === 'AssetRegistered') {
    const { personal: _, ...facts } = event.data;
    return { ...facts, status: 'registered' };
  }
  return state.status === 'registered' || state.status === 'verified' ? evolveLive(state, event) : state;
};
