import { defined, unreachable, type Command, type Decider, type StreamDefinition } from '@ferry/kernel';
import { cacheError } from './cache.errors';
import {
  CACHE_CATEGORY,
  CACHE_EVENT_TYPES,
  type CacheEvent,
  type CaptureSkippedData,
  type FileCachedData,
  type FileEvictedData,
} from './cache.events';
import { cachedOn, evolve, initialState, type CacheState } from './cache.state';

type Nothing = Readonly<Record<string, never>>;
interface OnNode {
  readonly nodeId: string;
}

export type RecordFile = Command<'RecordFile', FileCachedData>;
/** Keeps every copy of the asset from being evicted. */
export type PinFile = Command<'PinFile', Nothing>;
export type UnpinFile = Command<'UnpinFile', Nothing>;
/** No error means: the file may be unlinked. */
export type EvictFile = Command<'EvictFile', FileEvictedData>;
export type RecordCorruption = Command<'RecordCorruption', OnNode>;
export type RecordMissing = Command<'RecordMissing', OnNode>;
/** The owner accepts that the last copy may be lost; a file cached later is protected again. */
export type ReleaseLastCopy = Command<'ReleaseLastCopy', { readonly by: string }>;
/** There was no room to bring the bytes in before their origin ends. */
export type SkipCapture = Command<'SkipCapture', CaptureSkippedData>;

export type CacheCommand = RecordFile | PinFile | UnpinFile | EvictFile | RecordCorruption | RecordMissing | ReleaseLastCopy | SkipCapture;

const isCached = ({ copies }: CacheState): boolean => Object.values(copies).some(({ status }) => status === 'cached');

const recordFile = ({ data }: RecordFile, state: CacheState): CacheEvent[] => {
  const { nodeId, personal, sizeBytes, sha256, mimeType, kind, width, height, durationSeconds, downloadId } = data;
  if (state.sha256 !== undefined && state.sha256 !== sha256) throw cacheError('CONTENT_CHANGED', { known: state.sha256, actual: sha256 });
  if (cachedOn(state, nodeId)?.personal.path === personal.path) return [];
  const facts = { sizeBytes, sha256, mimeType, kind, width, height, durationSeconds };
  return [{ type: 'FileCached', data: defined({ nodeId, personal, ...facts, downloadId }) }];
};

const pinFile = (state: CacheState): CacheEvent[] => {
  if (state.pinned) return [];
  if (!isCached(state)) throw cacheError('NOT_CACHED');
  return [{ type: 'FilePinned', data: {} }];
};

const unpinFile = ({ pinned }: CacheState): CacheEvent[] => (pinned ? [{ type: 'FileUnpinned', data: {} }] : []);

/**
 * A copy on another node counts only where the caller has just confirmed it and says so, and only as long as that node has not
 * given it up since: of two nodes that count on each other one is refused.
 */
const counts = (otherCopy: FileEvictedData['otherCopy'], nodeId: string, state: CacheState): boolean =>
  otherCopy !== undefined && (otherCopy.from !== 'node' || (otherCopy.nodeId !== nodeId && cachedOn(state, otherCopy.nodeId) !== undefined));

const evictFile = ({ data }: EvictFile, state: CacheState): CacheEvent[] => {
  const { nodeId, reason, freedBytes, otherCopy } = data;
  if (!cachedOn(state, nodeId)) return [];
  if (state.pinned) throw cacheError('FILE_PINNED', { nodeId });
  const dispensable = reason === 'asset-deleted' || counts(otherCopy, nodeId, state) || state.lastCopyReleased;
  if (!dispensable) throw cacheError('LAST_COPY', { nodeId });
  return [{ type: 'FileEvicted', data: defined({ nodeId, reason, freedBytes, otherCopy }) }];
};

const recordCorruption = ({ data: { nodeId } }: RecordCorruption, state: CacheState): CacheEvent[] =>
  cachedOn(state, nodeId) ? [{ type: 'FileCorrupted', data: { nodeId } }] : [];

const recordMissing = ({ data: { nodeId } }: RecordMissing, state: CacheState): CacheEvent[] =>
  cachedOn(state, nodeId) ? [{ type: 'FileMissing', data: { nodeId } }] : [];

const releaseLastCopy = ({ data: { by } }: ReleaseLastCopy, state: CacheState): CacheEvent[] => {
  if (state.lastCopyReleased) return [];
  if (!isCached(state)) throw cacheError('NOT_CACHED');
  return [{ type: 'LastCopyReleased', data: { by } }];
};

const skipCapture = ({ data: { reason, originEndsAt } }: SkipCapture, state: CacheState): CacheEvent[] => {
  const known = state.skipped?.reason === reason && state.skipped.originEndsAt === originEndsAt;
  return known || isCached(state) ? [] : [{ type: 'CaptureSkipped', data: { reason, originEndsAt } }];
};

export const decide = (command: CacheCommand, state: CacheState): CacheEvent[] => {
  switch (command.type) {
    case 'RecordFile':
      return recordFile(command, state);
    case 'PinFile':
      return pinFile(state);
    case 'UnpinFile':
      return unpinFile(state);
    case 'EvictFile':
      return evictFile(command, state);
    case 'RecordCorruption':
      return recordCorruption(command, state);
    case 'RecordMissing':
      return recordMissing(command, state);
    case 'ReleaseLastCopy':
      return releaseLastCopy(command, state);
    case 'SkipCapture':
      return skipCapture(command, state);
    default:
      return unreachable(command);
  }
};

export const cacheDecider: Decider<CacheState, CacheCommand, CacheEvent> = { decide, evolve, initialState };

export const cacheDefinition: StreamDefinition<CacheState, CacheCommand, CacheEvent> = {
  category: CACHE_CATEGORY,
  eventTypes: CACHE_EVENT_TYPES,
  decider: cacheDecider,
};
