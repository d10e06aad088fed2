export { CHECKPOINTS } from './checkpoints';
export * from './projection';
export * from './read-models';
export { Runner, type EventSource, type LeaseHolder, type RunnerOptions } from './runner';
