import type { CachedFile } from '@ferry/contracts';
import { defined, type MediaKind } from '@ferry/kernel';
import { stepBoundary } from '@ferry/observability';
import { serially } from '@ferry/resilience';
import type { CacheDisk } from '../disk/cache-disk';
import type { IncomingFile } from '../disk/incoming-file';
import { safeFilename } from '../disk/filename';
import { ownerKeyOf, relativePath } from '../disk/layout';
import { inspectMedia } from '../media/inspect';
import type { MediaContent } from '../media/media-content';
import { contentChanged, contentKindMismatch, contentLengthMismatch, contentTruncated } from '../media/media-errors';
import { MediaSource } from '../media/media-source';
import type { PutClaims } from '../data-plane/signed-url';
import { assetDeleted } from './asset-facts';
import type { CacheIndex } from './cache-index';
import type { CacheLog } from './cache-log';
import type { FileKeeper } from './file-keeper';
import type { GrowingFile, GrowingFiles } from './growing-files';

export interface Receiving {
  readonly claims: PutClaims;
  /** Opens the body; what comes is broken off with the signal. */
  readonly body: (broken: AbortSignal) => AsyncIterable<Buffer>;
  /** Of the body, where announced. */
  readonly sizeBytes?: number;
  /** Breaks off until the content is verified; from then on the file is stored. */
  readonly signal: AbortSignal;
}

/** Takes an asset's bytes in: reserved, hashed and verified before they are a cached file; nothing is left of those that are not. */
export class FileReceiver {
  private readonly oneByOne = serially();

  constructor(
    private readonly index: CacheIndex,
    private readonly disk: CacheDisk,
    private readonly log: CacheLog,
    private readonly keeper: FileKeeper,
    private readonly growing: GrowingFiles,
    private readonly onKept: (sizeBytes: number) => void,
  ) {}

  /**
   * After whatever came before for the asset, which was broken off, has given its room back.
   * @throws FerryError CONTENT_*, CACHE_FULL, EXCEEDS_CACHE, CACHE_UNAVAILABLE, ASSET_DELETED, EVENT_STORE_UNAVAILABLE
   */
  receive(receiving: Receiving): Promise<CachedFile> {
    return this.oneByOne(receiving.claims.assetId, () => this.take(receiving));
  }

  private async take({ claims, body, sizeBytes, signal }: Receiving): Promise<CachedFile> {
    signal.throwIfAborted();
    const incoming = await this.disk.receive(sizeBytes);
    stepBoundary('cache.put-begun');
    const { kind, filename } = claims;
    let growing: GrowingFile | undefined;
    try {
      // A newer attempt may have been announced meanwhile: whoever waits for that one is not to be given this.
      signal.throwIfAborted();
      growing = this.growing.begin(claims, defined({ open: () => incoming.openToRead(), kind, sizeBytes, filename }));
      await this.write(incoming, growing, body(incoming.reservation.broken), sizeBytes);
      stepBoundary('cache.after-all-bytes');
      const content = await verify(incoming, { sizeBytes, kind: claims.kind, sha256: this.index.sha256Of(claims.assetId) ?? claims.sha256 });
      stepBoundary('cache.after-verified');
      signal.throwIfAborted();
      if (this.index.isDeleted(claims.assetId)) throw assetDeleted();
      const file = await this.keeper.inTurn(claims.assetId, () => this.keep(incoming, claims, content));
      growing.store();
      this.onKept(file.sizeBytes);
      return file;
    } finally {
      growing?.breakOff();
      await incoming.discard();
    }
  }

  private async write(incoming: IncomingFile, growing: GrowingFile, body: AsyncIterable<Buffer>, sizeBytes: number | undefined): Promise<void> {
    for await (const chunk of body) {
      const size = incoming.sizeBytes + chunk.length;
      if (sizeBytes !== undefined && size > sizeBytes) throw contentLengthMismatch(sizeBytes, size);
      this.disk.budget.checkSize(size);
      await incoming.write(chunk);
      growing.grew(incoming.sizeBytes);
      stepBoundary('cache.after-first-bytes');
    }
  }

  private async keep(incoming: IncomingFile, claims: PutClaims, content: MediaContent): Promise<CachedFile> {
    const { assetId, owner, downloadId } = claims;
    const filename = safeFilename(claims.filename, content.mimeType);
    const { sizeBytes, sha256 } = incoming;
    // Another attempt may have been kept since this one was verified: its file must not be replaced.
    const known = this.index.sha256Of(assetId);
    if (known !== undefined && known !== sha256) throw contentChanged(known, sha256);
    await this.disk.store(incoming, { assetId, filename, ownerKey: ownerKeyOf(owner), sha256, sizeBytes });
    const path = relativePath(assetId, filename);
    const { nodeId } = this.index;
    stepBoundary('cache.before-file-cached');
    await this.log.record(assetId, owner, { type: 'RecordFile', data: { nodeId, personal: { path }, sizeBytes, sha256, ...content, downloadId } });
    stepBoundary('cache.after-file-cached');
    return defined({ assetId, nodeId, path, filename, sizeBytes, sha256, ...content });
  }
}

interface Expected {
  readonly kind: MediaKind;
  readonly sizeBytes?: number;
  readonly sha256?: string;
}

const verify = async (incoming: IncomingFile, { kind, sizeBytes, sha256 }: Expected): Promise<MediaContent> => {
  if (sizeBytes !== undefined && incoming.sizeBytes < sizeBytes) {
    throw contentTruncated(`${incoming.sizeBytes} of ${sizeBytes} announced bytes came`);
  }
  const content = await inspectMedia(new MediaSource(incoming.handle, incoming.sizeBytes));
  if (content.kind !== kind) throw contentKindMismatch(kind, content.kind);
  if (sha256 !== undefined && incoming.sha256 !== sha256) throw contentChanged(sha256, incoming.sha256);
  return content;
};
