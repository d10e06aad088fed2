import { defined, sameJson, unreachable, type Command, type Decider, type StreamDefinition } from '@ferry/kernel';
import { warmingError } from './warming.errors';
import { MAX_WARMED_ASSETS, WARMING_CATEGORY, WARMING_EVENT_TYPES, type WarmedAsset, type WarmingEvent, type WarmingRule } from './warming.events';
import { evolve, initialState, type WarmingState } from './warming.state';

/** Of an asset named twice, the first counts. A rule that finds nothing is done at once. */
export type RequestWarming = Command<'RequestWarming', { readonly rule: WarmingRule; readonly assetIds: readonly string[] }>;
/** What became of some of the assets; those that have an outcome already keep it. */
export type RecordWarmed = Command<'RecordWarmed', { readonly assets: readonly WarmedAsset[] }>;
/** A warming that has ended stays as it ended. */
export type CancelWarming = Command<'CancelWarming', Readonly<Record<string, never>>>;

export type WarmingCommand = RequestWarming | RecordWarmed | CancelWarming;

const requestWarming = ({ data: { rule, assetIds } }: RequestWarming, state: WarmingState): WarmingEvent[] => {
  const chosen = [...new Set(assetIds)];
  if (state.status !== 'unrequested') {
    // What a rule finds changes; a list does not.
    if (!sameJson(state.rule, rule) || (rule.by === 'list' && !sameJson(state.assetIds, chosen))) throw warmingError('WARMING_DIFFERS');
    return [];
  }
  if (chosen.length > MAX_WARMED_ASSETS) throw warmingError('TOO_MANY_WARMED_ASSETS', { assets: chosen.length });
  const requested: WarmingEvent = { type: 'WarmingRequested', data: { rule, assetIds: chosen } };
  return chosen.length ? [requested] : [requested, { type: 'WarmingCompleted', data: {} }];
};

const recordWarmed = ({ data }: RecordWarmed, state: WarmingState): WarmingEvent[] => {
  if (state.status !== 'running') return [];
  const pending = new Set(state.pending);
  // Each once: `delete` tells whether it was still there.
  const assets = data.assets.filter(({ assetId }) => pending.delete(assetId)).map(({ assetId, outcome, bytes, kind }) => defined({ assetId, outcome, bytes, kind }));
  if (!assets.length) return [];
  const warmed: WarmingEvent = { type: 'AssetsWarmed', data: { assets } };
  return pending.size ? [warmed] : [warmed, { type: 'WarmingCompleted', data: {} }];
};

const cancelWarming = ({ status }: WarmingState): WarmingEvent[] => (status === 'running' ? [{ type: 'WarmingCancelled', data: {} }] : []);

export const decide = (command: WarmingCommand, state: WarmingState): WarmingEvent[] => {
  switch (command.type) {
    case 'RequestWarming':
      return requestWarming(command, state);
    case 'RecordWarmed':
      return recordWarmed(command, state);
    case 'CancelWarming':
      return cancelWarming(state);
    default:
      return unreachable(command);
  }
};

export const warmingDecider: Decider<WarmingState, WarmingCommand, WarmingEvent> = { decide, evolve, initialState };

export const warmingDefinition: StreamDefinition<WarmingState, WarmingCommand, WarmingEvent> = {
  category: WARMING_CATEGORY,
  eventTypes: WARMING_EVENT_TYPES,
  decider: warmingDecider,
};
