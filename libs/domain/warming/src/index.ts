export { warmingDecider, warmingDefinition, type CancelWarming, type RecordWarmed, type RequestWarming, type WarmingCommand } from './warming.decider';
export { type WarmingErrorCode } from './warming.errors';
export * from './warming.events';
export { type KnownWarming, type WarmingState } from './warming.state';
