import { ASSET_CATEGORY, type AssetEvent, type Capture } from '@ferry/domain/asset/events';
import { CACHE_CATEGORY, type CacheEvent } from '@ferry/domain/cache/events';
import { DOWNLOAD_CATEGORY, type DownloadEvent, type DownloadReason } from '@ferry/domain/download/events';
import { type Priority } from '@ferry/kernel';
import { defineProjection } from '@ferry/read-models';

/** The first wait before an asset is tried again; it doubles each time. */
const FIRST_WAIT_MS = 30_000;
/** Ends of a download after which there is nothing left to save. */
const NOTHING_LEFT: ReadonlySet<string> = new Set(['not-found', 'content-changed']);
/** Ends that say that the cache has no room. */
const NO_ROOM: ReadonlySet<string> = new Set(['cache-full', 'exceeds-cache']);

/** Where an asset's bytes are, and until when its origin gives them. */
export interface AssetBytes {
  readonly owner: string;
  readonly assetId: string;
  readonly providerId: string;
  readonly capture: Capture;
  /** ISO date from which the origin's forms are as they are: an assumed life counts from then. */
  readonly since: string;
  /** ISO date of the origin's end as it was told; absent: assumed, or not known to end. */
  readonly endsAt?: string;
  /** The cache nodes that have the file. */
  readonly nodes: readonly string[];
  /** The bytes are wanted before the origin ends, and nothing else has them. */
  readonly uncaptured: boolean;
  /** The open run. */
  readonly download?: { readonly downloadId: string; readonly reason: DownloadReason; readonly priority: Priority };
  /** Failures, and evictions that counted on an origin that ends. */
  readonly tries: number;
  /** ISO date of the next try; of a failure for want of room, also as soon as room came free. */
  readonly notBefore: string;
  readonly failure?: { readonly kind: string; readonly at: string };
  /** What is still to be recorded of a capture that found no room. */
  readonly unrecorded?: string;
  readonly skipped?: { readonly reason: string; readonly originEndsAt: string };
  /** ISO date when this asset last left room, or may have, in the cache. */
  readonly roomAt?: string;
  /** Deleted, or its origin lost. */
  readonly gone?: true;
  /** Another copy than the origin counts, or the owner accepted the loss; until the file is cached again. */
  readonly spared?: true;
}

type Row = AssetBytes | undefined;
const without = <K extends keyof AssetBytes>(row: AssetBytes, ...names: K[]): Omit<AssetBytes, K> => {
  const rest: Partial<AssetBytes> = { ...row };
  for (const name of names) delete rest[name];
  return rest as Omit<AssetBytes, K>;
};

const judged = (row: Omit<AssetBytes, 'uncaptured'>): AssetBytes => ({
  ...row,
  uncaptured: !row.gone && !row.spared && row.capture !== 'onDemand' && !row.nodes.length,
});

/** Tried again: later each time, but before the end where that is known. */
const later = (row: AssetBytes, at: string): Pick<AssetBytes, 'tries' | 'notBefore'> => {
  const atMs = Date.parse(at);
  const left = row.endsAt === undefined ? Infinity : Math.max(0, Date.parse(row.endsAt) - atMs);
  const waitMs = Math.min(FIRST_WAIT_MS * 2 ** Math.min(row.tries, 20), left / 2);
  return { tries: row.tries + 1, notBefore: new Date(atMs + waitMs).toISOString() };
};

const failed = (row: AssetBytes, kind: string, at: string): AssetBytes => {
  const next = judged({ ...without(row, 'download'), ...later(row, at), failure: { kind, at } });
  const hasEnded = row.endsAt !== undefined && row.endsAt <= at;
  if (NOTHING_LEFT.has(kind) || hasEnded) return { ...next, uncaptured: false };
  return NO_ROOM.has(kind) && row.skipped?.reason !== kind ? { ...next, unrecorded: kind } : next;
};

const lostOn = (row: Row, nodeId: string): Row => row && judged({ ...row, nodes: row.nodes.filter((node) => node !== nodeId) });

/** Ends are compared as texts: all in one form, in one zone. */
const endOf = (expiresAt: string | undefined): Pick<AssetBytes, 'endsAt'> => (expiresAt === undefined ? {} : { endsAt: new Date(expiresAt).toISOString() });

const assetIdOf = (streamName: string): string => streamName.slice(streamName.indexOf('-') + 1);

/** Kept from the events of assets, cached files and downloads; costs one document for each asset. */
export const assetBytesProjection = defineProjection<AssetEvent | CacheEvent | DownloadEvent, AssetBytes>()({
  name: 'asset-bytes',
  version: 1,
  categories: [ASSET_CATEGORY, CACHE_CATEGORY, DOWNLOAD_CATEGORY],
  indexes: [
    { key: { uncaptured: 1, endsAt: 1 } },
    { key: { uncaptured: 1, providerId: 1, since: 1 } },
    { key: { owner: 1, uncaptured: 1, endsAt: 1 } },
    { key: { 'download.reason': 1 } },
    { key: { unrecorded: 1 } },
    { key: { roomAt: -1 } },
  ],
  id: ({ streamName }) => assetIdOf(streamName),
  on: {
    AssetRegistered: (_, { streamName, metadata: { owner }, created, data: { origin, capture } }) =>
      judged({
        owner,
        assetId: assetIdOf(streamName),
        providerId: origin.providerId,
        capture,
        since: created,
        ...endOf(origin.expiresAt),
        nodes: [],
        tries: 0,
        notBefore: created,
      }),
    AssetOriginRefreshed: (row, { created, data: { expiresAt } }) => {
      if (!row) return undefined;
      const end = endOf(expiresAt);
      const isKnown = row.skipped !== undefined && row.skipped.originEndsAt === end.endsAt;
      const rest = without(row, 'endsAt', 'failure', 'unrecorded', 'gone', ...(isKnown ? [] : (['skipped'] as const)));
      return judged({ ...rest, since: created, ...end, tries: 0, notBefore: created });
    },
    AssetOriginLost: (row) => row && judged({ ...row, gone: true }),
    AssetDeleted: (row) => row && judged({ ...row, gone: true }),
    FileCached: (row, { data: { nodeId } }) => {
      if (!row) return undefined;
      const nodes = [...row.nodes.filter((node) => node !== nodeId), nodeId];
      // What was wanted at once has come; from now on only its origin's end matters.
      const capture = row.capture === 'now' ? 'beforeExpiry' : row.capture;
      return judged({ ...without(row, 'failure', 'unrecorded', 'skipped', 'spared'), capture, nodes });
    },
    FileEvicted: (row, { created, data: { nodeId, reason, otherCopy } }) => {
      if (!row) return undefined;
      // A copy on another node is one of `nodes`.
      const counted = otherCopy === undefined ? reason === 'last-copy-released' : otherCopy.from === 'reference';
      return lostOn({ ...row, ...later(row, created), roomAt: created, ...(counted ? { spared: true } : {}) }, nodeId);
    },
    FileCorrupted: (row, { data }) => lostOn(row, data.nodeId),
    FileMissing: (row, { data }) => lostOn(row, data.nodeId),
    FileUnpinned: (row, { created }) => row && { ...row, roomAt: created },
    LastCopyReleased: (row, { created }) => row && { ...row, roomAt: created },
    CaptureSkipped: (row, { data: { reason, originEndsAt } }) => row && { ...without(row, 'unrecorded'), skipped: { reason, originEndsAt } },
    DownloadRequested: (row, { data: { downloadId, reason, priority } }) => row && { ...row, download: { downloadId, reason, priority } },
    DownloadRaised: (row, { data: { priority } }) => row?.download && { ...row, download: { ...row.download, priority } },
    DownloadCompleted: (row) => row && without(row, 'download'),
    DownloadFailed: (row, { created, data: { kind } }) => row && failed(row, kind, created),
    DownloadCancelled: (row, { created }) => row && { ...without(row, 'download'), ...later(row, created) },
  },
  ignores: ['AssetContentVerified', 'FilePinned', 'DownloadJoined', 'DownloadLeft', 'DownloadClaimed', 'DownloadStarted', 'DownloadAttemptFailed'],
});
