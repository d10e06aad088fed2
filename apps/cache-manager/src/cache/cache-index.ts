import type { CachedFile } from '@ferry/contracts';
import { ASSET_CATEGORY, type AssetEvent } from '@ferry/domain/asset/events';
import { CACHE_CATEGORY, CACHE_EVENT_TYPES, cacheDefinition, cachedOn, type CachedCopy, type CacheEvent, type CacheState } from '@ferry/domain/cache';
import { idInStream, type RecordedEvent } from '@ferry/kernel';
import { minuteNow, minuteOf } from '../eviction/eviction-order';
import { filenameOf, ownerKeyOf } from '../disk/layout';

interface Entry {
  readonly owner: string;
  readonly revision: number;
  readonly state: CacheState;
}

export interface IndexedFile {
  readonly owner: string;
  readonly file: CachedFile;
}

/** What the events say of every asset's file, in memory: rebuilt at start, kept right by the subscription and by own appends. */
export class CacheIndex {
  private readonly entries = new Map<string, Entry>();
  private readonly deleted = new Set<string>();

  /** @param onChange told when what is said of an asset's file has changed, and in which minute that was */
  constructor(
    readonly nodeId: string,
    private readonly onChange: (assetId: string, minute: number) => void = () => undefined,
  ) {}

  apply(event: RecordedEvent): void {
    const assetId = idInStream(CACHE_CATEGORY, event.streamName);
    if (assetId !== undefined) this.applyCacheEvent(assetId, event);
    else if ((event as RecordedEvent<AssetEvent>).type === 'AssetDeleted') this.deleted.add(event.streamName.slice(ASSET_CATEGORY.length));
  }

  /** The state that an append of our own led to. What the subscription already went beyond stays. */
  settle(assetId: string, entry: Entry): void {
    if (entry.revision < (this.entries.get(assetId)?.revision ?? -1)) return;
    this.entries.set(assetId, entry);
    this.onChange(assetId, minuteNow());
  }

  find(assetId: string): IndexedFile | undefined {
    const entry = this.entries.get(assetId);
    const copy = entry && cachedOn(entry.state, this.nodeId);
    return copy && { owner: entry.owner, file: cachedFileOf(assetId, this.nodeId, copy) };
  }

  /** The nodes that have the asset's file, as far as the events are known here. */
  holders(assetId: string): readonly string[] {
    const copies = this.deleted.has(assetId) ? {} : (this.entries.get(assetId)?.state.copies ?? {});
    return Object.keys(copies).filter((nodeId) => copies[nodeId]?.status === 'cached');
  }

  /** Whether the last event of the asset's file on this node says that it is gone for good: evicted or damaged. */
  isGone(assetId: string): boolean {
    const status = this.entries.get(assetId)?.state.copies[this.nodeId]?.status;
    return this.deleted.has(assetId) || status === 'evicted' || status === 'corrupted';
  }

  ownerOf(assetId: string): string | undefined {
    return this.entries.get(assetId)?.owner;
  }

  /** Which blob a file had whose last event says that it is gone from this node. */
  goneFile(assetId: string): { readonly ownerKey: string; readonly sha256: string; readonly sizeBytes: number } | undefined {
    const entry = this.entries.get(assetId);
    const copy = entry?.state.copies[this.nodeId];
    if (!entry?.state.sha256 || !copy || copy.status === 'cached') return undefined;
    return { ownerKey: ownerKeyOf(entry.owner), sha256: entry.state.sha256, sizeBytes: 0 };
  }

  isDeleted(assetId: string): boolean {
    return this.deleted.has(assetId);
  }

  /** The content that the asset is known to have. */
  sha256Of(assetId: string): string | undefined {
    return this.entries.get(assetId)?.state.sha256;
  }

  isPinned(assetId: string): boolean {
    return this.entries.get(assetId)?.state.pinned ?? false;
  }

  /** The owner accepts that the last copy may go. */
  isLastCopyReleased(assetId: string): boolean {
    return this.entries.get(assetId)?.state.lastCopyReleased ?? false;
  }

  /** Assets that have or had a file, on any node. */
  get assetCount(): number {
    return this.entries.size;
  }

  get fileCount(): number {
    return [...this.cached()].length;
  }

  *cached(): Generator<IndexedFile> {
    for (const assetId of this.entries.keys()) {
      const found = this.find(assetId);
      if (found) yield found;
    }
  }

  private applyCacheEvent(assetId: string, { type, data, revision, created, metadata: { owner } }: RecordedEvent): void {
    const known = this.entries.get(assetId);
    // A newer release's event: the store refuses to decide on that stream, and the file stays as it is.
    if (!(CACHE_EVENT_TYPES as readonly string[]).includes(type) || (known && revision <= known.revision)) return;
    const { evolve, initialState } = cacheDefinition.decider;
    this.entries.set(assetId, { owner, revision, state: evolve(known?.state ?? initialState(), { type, data } as CacheEvent) });
    this.onChange(assetId, minuteOf(created));
  }
}

const cachedFileOf = (assetId: string, nodeId: string, { status: _, downloadId: __, personal: { path }, ...copy }: CachedCopy): CachedFile => ({
  assetId,
  nodeId,
  path,
  filename: filenameOf(path),
  ...copy,
});
