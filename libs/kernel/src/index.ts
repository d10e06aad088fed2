export * from './decider';
export * from './errors';
export * from './event';
export * from './ids';
export * from './media';
