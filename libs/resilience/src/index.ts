export * from './backoff';
export * from './breakers';
export * from './buffer-garbage';
export * from './deadline';
export * from './fair-queue';
export * from './retry-budget';
export * from './singleflight';
