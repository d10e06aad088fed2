import { defined, FerryError, type MediaKind } from '@ferry/kernel';
import type { FileHandle } from 'node:fs/promises';

/** Attempts whose end is remembered, so that a late reader of a stored one still gets its file. */
const REMEMBERED = 10_000;
/** Requests that wait for a download to begin, at a time. */
const MAX_WAITING = 10_000;

/** One attempt to bring an asset in, as readers name it. */
export interface GrowingAttempt {
  readonly assetId: string;
  readonly owner: string;
  readonly downloadId: string;
  readonly epoch: number;
  readonly attempt: number;
}

export interface GrowingFacts {
  /** To read what is written; refused with ENOENT where it has left its place. The handle is the caller's to close. */
  readonly open: () => Promise<FileHandle>;
  readonly kind: MediaKind;
  /** Announced; absent: not known before the end. */
  readonly sizeBytes?: number;
  readonly filename?: string;
}

export const attemptGone = (): FerryError =>
  new FerryError('ATTEMPT_GONE', 'conflict', 'This attempt of the download has ended without a file, or another one has begun. Follow the next one.');

/** A file that is being written, and whoever waits for more of it. */
export class GrowingFile {
  private at = 0;
  private stored = false;
  private readonly breaking = new AbortController();
  private readonly waiting = new Set<() => void>();

  constructor(
    readonly attempt: GrowingAttempt,
    readonly facts: GrowingFacts,
  ) {}

  /** Bytes that can be read. */
  get written(): number {
    return this.at;
  }

  get state(): 'growing' | 'stored' | 'broken' {
    if (this.breaking.signal.aborted) return 'broken';
    return this.stored ? 'stored' : 'growing';
  }

  /** Aborted when the attempt has broken off: nobody may take what was read for the file. */
  get broken(): AbortSignal {
    return this.breaking.signal;
  }

  grew(written: number): void {
    this.at = written;
    this.wake();
  }

  /** Verified, and a cached file now. */
  store(): void {
    this.stored = true;
    this.wake();
  }

  /** Nothing comes any more. What is stored already stays so. */
  breakOff(): void {
    if (this.stored) return;
    this.breaking.abort(attemptGone());
    this.wake();
  }

  /** Resolves at the next growth or end; false where `ms` passed without. */
  change(ms: number): Promise<boolean> {
    if (this.state !== 'growing') return Promise.resolve(true);
    return changed(this.waiting, ms);
  }

  /** Resolves when the attempt has ended, or `ms` have passed. */
  async ended(ms: number): Promise<void> {
    const until = performance.now() + ms;
    while (this.state === 'growing' && performance.now() < until) await this.change(until - performance.now());
  }

  private wake(): void {
    for (const listener of [...this.waiting]) listener();
  }
}

/** The newest attempt of each asset whose bytes have begun to come. */
export class GrowingFiles {
  private readonly files = new Map<string, GrowingFile>();
  private readonly waiting = new Map<string, Set<() => void>>();
  private waiters = 0;

  begin({ assetId, owner, downloadId, epoch, attempt }: GrowingAttempt, facts: GrowingFacts): GrowingFile {
    this.files.get(assetId)?.breakOff();
    // Anew, so that the oldest stand first.
    this.files.delete(assetId);
    const file = new GrowingFile({ assetId, owner, downloadId, epoch, attempt }, defined(facts));
    this.files.set(assetId, file);
    if (this.files.size > REMEMBERED) this.forgetOldest();
    for (const listener of [...(this.waiting.get(assetId) ?? [])]) listener();
    return file;
  }

  find(owner: string, assetId: string): GrowingFile | undefined {
    const file = this.files.get(assetId);
    return file?.attempt.owner === owner ? file : undefined;
  }

  /**
   * The file of this very attempt, growing or stored.
   * @throws FerryError ATTEMPT_GONE
   */
  require({ owner, assetId, downloadId, epoch, attempt }: GrowingAttempt): GrowingFile {
    const file = this.find(owner, assetId);
    const { attempt: newest } = file ?? {};
    const isNewest = newest?.downloadId === downloadId && newest.epoch === epoch && newest.attempt === attempt;
    if (!file || !isNewest || file.state === 'broken') throw attemptGone();
    return file;
  }

  /** Resolves when an attempt for the asset begins; false where `ms` passed without. @throws FerryError TOO_MANY_WAITERS */
  async begun(assetId: string, ms: number): Promise<boolean> {
    if (this.waiters >= MAX_WAITING) throw new FerryError('TOO_MANY_WAITERS', 'unavailable', `${MAX_WAITING} requests wait for downloads already. Ask again later.`);
    const listeners = this.waiting.get(assetId) ?? new Set();
    this.waiting.set(assetId, listeners);
    this.waiters += 1;
    try {
      return await changed(listeners, ms);
    } finally {
      this.waiters -= 1;
      if (!listeners.size && this.waiting.get(assetId) === listeners) this.waiting.delete(assetId);
    }
  }

  private forgetOldest(): void {
    for (const [assetId, file] of this.files) {
      if (file.state === 'growing') continue;
      this.files.delete(assetId);
      return;
    }
  }
}

const changed = (listeners: Set<() => void>, ms: number): Promise<boolean> =>
  new Promise((resolve) => {
    const end = (seen: boolean): void => {
      clearTimeout(timer);
      listeners.delete(seenIt);
      resolve(seen);
    };
    const seenIt = (): void => end(true);
    const timer = setTimeout(() => end(false), Math.max(0, ms));
    listeners.add(seenIt);
  });
