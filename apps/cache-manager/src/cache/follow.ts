import type { FollowDownloadAnswer } from '@ferry/contracts';
import { defined, FerryError, parseRunId } from '@ferry/kernel';
import { absentIfMissing } from '../disk/disk-errors';
import { safeFilename } from '../disk/filename';
import { earlyFactsOf, GrowingSource, NotYetThere, type EarlyFacts } from '../media/early-facts';
import { attemptGone, type GrowingFile, type GrowingFiles } from './growing-files';

/** How much of a file is looked at for early facts: the index (moov) of an hour of video fits. */
const HEAD_BYTES = 8 * 1024 * 1024;
const UNTYPED = 'application/octet-stream';

export interface Following {
  readonly owner: string;
  readonly assetId: string;
  readonly downloadId: string;
  readonly waitMs: number;
}

const notBegun = (): FerryError => new FerryError('DOWNLOAD_NOT_BEGUN', 'unavailable', 'Not enough of the download has come yet. Ask again.');

/**
 * The attempt that brings the download's bytes now, and what their beginning tells.
 * @throws FerryError DOWNLOAD_NOT_BEGUN, LENGTH_UNKNOWN, ATTEMPT_GONE, TOO_MANY_WAITERS
 */
export const follow = async (files: GrowingFiles, following: Following): Promise<Omit<FollowDownloadAnswer, 'getUrl' | 'nodeId'> & { epoch: number }> => {
  const until = performance.now() + following.waitMs;
  const file = await begun(files, following, until);
  const { sizeBytes, kind, filename } = file.facts;
  if (sizeBytes === undefined) {
    throw new FerryError('LENGTH_UNKNOWN', 'conflict', 'The length of the download is not known before its end. Wait for the cached file.');
  }
  const early = await earlyFacts(file, sizeBytes, until);
  const { epoch, attempt } = file.attempt;
  return { epoch, attempt, sizeBytes, kind, filename: safeFilename(filename, early.mimeType ?? UNTYPED), ...defined(early) };
};

const begun = async (files: GrowingFiles, { owner, assetId, downloadId }: Following, until: number): Promise<GrowingFile> => {
  for (;;) {
    const file = files.find(owner, assetId);
    if (file && file.state !== 'broken') {
      if (file.attempt.downloadId === downloadId) return file;
      if (runOf(file.attempt.downloadId) > runOf(downloadId)) throw attemptGone();
    }
    const left = until - performance.now();
    if (left <= 0 || !(await files.begun(assetId, left))) throw notBegun();
  }
};

const runOf = (downloadId: string): number => parseRunId(downloadId)?.run ?? 0;

/** Waits for as much of the file as its format needs, and no longer. */
const earlyFacts = async (file: GrowingFile, sizeBytes: number, until: number): Promise<EarlyFacts> => {
  const handle = await file.facts.open().catch(absentIfMissing);
  if (!handle) throw notBegun();
  try {
    const headBytes = Math.min(HEAD_BYTES, sizeBytes);
    for (;;) {
      try {
        return await earlyFactsOf(new GrowingSource(handle, sizeBytes, () => file.written), file.facts.kind, headBytes);
      } catch (error) {
        if (!(error instanceof NotYetThere)) throw error;
        await reach(file, error.offset, until);
      }
    }
  } finally {
    await handle.close();
  }
};

const reach = async (file: GrowingFile, offset: number, until: number): Promise<void> => {
  while (file.written < offset) {
    const left = until - performance.now();
    if (file.state === 'broken' || left <= 0 || !(await file.change(left))) throw notBegun();
  }
};
