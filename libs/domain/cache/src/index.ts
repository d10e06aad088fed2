export {
  cacheDecider,
  cacheDefinition,
  type CacheCommand,
  type EvictFile,
  type PinFile,
  type RecordCorruption,
  type RecordFile,
  type RecordMissing,
  type ReleaseLastCopy,
  type SkipCapture,
  type UnpinFile,
} from './cache.decider';
export { type CacheErrorCode } from './cache.errors';
export * from './cache.events';
export { cachedOn, type CachedCopy, type CacheState, type NodeCopy } from './cache.state';
