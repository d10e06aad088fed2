export * from './backoff';
export * from './breakers';
export * from './deadline';
export * from './singleflight';
