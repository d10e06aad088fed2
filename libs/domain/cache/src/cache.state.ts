import { unreachable } from '@ferry/kernel';
import type { CacheEvent, CaptureSkippedData, FileCachedData } from './cache.events';

export type CachedCopy = { readonly status: 'cached' } & Omit<FileCachedData, 'nodeId'>;

/** What became of an asset's file on one node. A file found on disk is kept only where this says `cached`. */
export type NodeCopy = CachedCopy | { readonly status: 'evicted' | 'corrupted' | 'missing' };

export interface CacheState {
  readonly copies: Readonly<Record<string, NodeCopy>>;
  /** Of the first file cached; an asset's content never changes. */
  readonly sha256?: string;
  readonly pinned: boolean;
  readonly lastCopyReleased: boolean;
  /** The last capture that found no room, until a file is cached. */
  readonly skipped?: CaptureSkippedData;
}

export const initialState = (): CacheState => ({ copies: {}, pinned: false, lastCopyReleased: false });

export const cachedOn = ({ copies }: CacheState, nodeId: string): CachedCopy | undefined => {
  const copy = Object.hasOwn(copies, nodeId) ? copies[nodeId] : undefined;
  return copy?.status === 'cached' ? copy : undefined;
};

const withCopy = (state: CacheState, nodeId: string, copy: NodeCopy): CacheState => ({ ...state, copies: { ...state.copies, [nodeId]: copy } });

export const evolve = (state: CacheState, event: CacheEvent): CacheState => {
  switch (event.type) {
    case 'FileCached': {
      const { nodeId, ...file } = event.data;
      const { skipped: _, ...rest } = state;
      return withCopy({ ...rest, sha256: state.sha256 ?? file.sha256, lastCopyReleased: false }, nodeId, { status: 'cached', ...file });
    }
    case 'FilePinned':
      return { ...state, pinned: true };
    case 'FileUnpinned':
      return { ...state, pinned: false };
    case 'FileEvicted':
      return withCopy(state, event.data.nodeId, { status: 'evicted' });
    case 'FileCorrupted':
      return withCopy(state, event.data.nodeId, { status: 'corrupted' });
    case 'FileMissing':
      return withCopy(state, event.data.nodeId, { status: 'missing' });
    case 'LastCopyReleased':
      return { ...state, lastCopyReleased: true };
    case 'CaptureSkipped':
      return { ...state, skipped: event.data };
    default:
      return unreachable(event);
  }
};
