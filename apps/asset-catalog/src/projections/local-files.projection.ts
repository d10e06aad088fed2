import { CACHE_CATEGORY, type CacheEvent } from '@ferry/domain/cache/events';
import { idInStream } from '@ferry/kernel';
import { defineProjection } from '@ferry/read-models';

export interface LocalFile {
  readonly nodeId: string;
  /** Relative to the node's cache folder. */
  readonly path: string;
}

/** Where an asset's verified copies are. */
export interface LocalFilesDocument {
  readonly assetId: string;
  readonly owner: string;
  readonly files: readonly LocalFile[];
}

const without = (document: LocalFilesDocument | undefined, nodeId: string): LocalFilesDocument | undefined =>
  document && { ...document, files: document.files.filter((file) => file.nodeId !== nodeId) };

export const localFiles = defineProjection<CacheEvent, LocalFilesDocument>()({
  name: 'asset-local-files',
  version: 1,
  categories: [CACHE_CATEGORY],
  indexes: [{ key: { owner: 1, assetId: 1 } }],
  id: ({ streamName }) => idInStream(CACHE_CATEGORY, streamName),
  on: {
    FileCached: (document, { streamName, metadata: { owner }, data: { nodeId, personal } }) => ({
      assetId: idInStream(CACHE_CATEGORY, streamName)!,
      owner,
      files: [...(without(document, nodeId)?.files ?? []), { nodeId, path: personal.path }],
    }),
    FileEvicted: (document, { data }) => without(document, data.nodeId),
    FileCorrupted: (document, { data }) => without(document, data.nodeId),
    FileMissing: (document, { data }) => without(document, data.nodeId),
  },
  ignores: ['FilePinned', 'FileUnpinned', 'LastCopyReleased', 'CaptureSkipped'],
});
