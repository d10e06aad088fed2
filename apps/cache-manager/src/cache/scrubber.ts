import type { Logger } from '@ferry/observability';
import { createHash, randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { CacheDisk } from '../disk/cache-disk';
import type { CacheIndex, IndexedFile } from './cache-index';
import type { CacheMetrics } from './cache-metrics';
import { storedFileOf, type FileKeeper } from './file-keeper';
import type { Leases } from './leases';

const CHUNK_BYTES = 256 * 1024;
/** Milliseconds of reading that are caught up with at once. */
const STEP_MS = 1_000;
/** A pass that ends earlier is not begun again before. */
const PASS_MS = 3_600_000;
const RETRY_MS = 60_000;
/** Files are few enough for a lease each, and none is read for longer. */
const LEASE_MS = 24 * 3_600_000;

export interface ScrubberParts {
  readonly index: CacheIndex;
  readonly disk: CacheDisk;
  readonly keeper: FileKeeper;
  readonly leases: Leases;
  readonly metrics: CacheMetrics;
  readonly logger: Logger;
}

/**
 * Reads every cached file again and again, slowly, and compares its hash: what rots on the disk keeps its size and its date.
 * Damage is an event, and nobody gets the file from then on.
 */
export class Scrubber {
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  /** Time that what was read is worth, and that is still to be waited. */
  private debtMs = 0;

  /** @param bytesPerSecond 0: never */
  constructor(
    private readonly parts: ScrubberParts,
    private readonly bytesPerSecond: number,
  ) {}

  /** Folder and events agree. */
  begin(): void {
    if (this.bytesPerSecond > 0) this.running = this.run();
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const since = performance.now();
      try {
        await this.pass();
        await this.pause(PASS_MS - (performance.now() - since));
      } catch (error) {
        if (this.stopping.signal.aborted) return;
        this.parts.logger.error({ err: error }, 'cached files could not be read again; trying again');
        await this.pause(RETRY_MS).catch(() => this.parts.logger.debug('the cache stops'));
      }
    }
  }

  private async pass(): Promise<void> {
    const assetIds = [...this.parts.index.cached()].map(({ file }) => file.assetId).sort();
    // Another place each time: short lives of the process leave no file out.
    const from = Math.floor(Math.random() * assetIds.length);
    for (const assetId of [...assetIds.slice(from), ...assetIds.slice(0, from)]) {
      this.stopping.signal.throwIfAborted();
      await this.read(assetId);
    }
    await this.pause(this.debtMs);
  }

  private async read(assetId: string): Promise<void> {
    const { index, leases, keeper, disk } = this.parts;
    const found = index.find(assetId);
    if (!found || index.isDeleted(assetId)) return;
    // What is open takes room: it is not evicted meanwhile.
    const { leaseId } = leases.acquire(found.owner, assetId, `scrub:${randomUUID()}`, LEASE_MS);
    try {
      const opened = await disk.open(storedFileOf(found));
      if (opened.state !== 'intact') return await keeper.lose(found, opened.state);
      if ((await this.hashOf(opened.handle)) !== found.file.sha256) await this.lose(found);
    } finally {
      leases.release(found.owner, leaseId);
    }
  }

  /** Whoever has the same content has the same file on the disk. */
  private async lose({ owner, file: { sha256 } }: IndexedFile): Promise<void> {
    for (const other of [...this.parts.index.cached()]) {
      if (other.owner === owner && other.file.sha256 === sha256) await this.parts.keeper.lose(other, 'damaged');
    }
  }

  private async hashOf(handle: FileHandle): Promise<string> {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    try {
      for (let position = 0; ; ) {
        this.stopping.signal.throwIfAborted();
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
        if (bytesRead === 0) return hash.digest('hex');
        hash.update(buffer.subarray(0, bytesRead));
        position += bytesRead;
        await this.paid(bytesRead);
      }
    } finally {
      await handle.close();
    }
  }

  private async paid(bytes: number): Promise<void> {
    this.parts.metrics.scrubbed(bytes);
    this.debtMs += (bytes * 1_000) / this.bytesPerSecond;
    if (this.debtMs < STEP_MS) return;
    const debtMs = this.debtMs;
    this.debtMs = 0;
    await this.pause(debtMs);
  }

  private async pause(ms: number): Promise<void> {
    await wait(Math.max(0, ms), undefined, { signal: this.stopping.signal, ref: false });
  }
}
