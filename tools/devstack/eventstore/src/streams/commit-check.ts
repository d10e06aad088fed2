import { LONG_MAX, metastreamOf, NO_REVISION, NO_STREAM_REVISION, type ExpectedRevision } from '../records';
import type { Streams } from './stream-catalog';

export type CommitDecision =
  | { kind: 'write'; current: number }
  | { kind: 'already-written'; revision: number; position: number | undefined }
  | { kind: 'wrong-expected-version'; current: number }
  | { kind: 'stream-deleted' };

/** What is known while writes are decided: what was committed, and what was decided before them. */
export interface Known extends Streams {
  /** The event of a stream at a revision, visible or not. */
  at(stream: string, revision: number): { readonly id: string; readonly created: number; readonly position: number } | undefined;
  /** The revision of an event that was written to this stream lately. */
  revisionOf(id: string, stream: string): number | undefined;
}

/**
 * Whether events may be written. A current revision writes without looking at the ids; one below compares the ids with
 * the records that follow; ANY and STREAM_EXISTS look them up among the recent ones.
 */
export function checkCommit(known: Known, stream: string, expected: ExpectedRevision, ids: string[]): CommitDecision {
  const current = known.currentRevision(stream);
  if (current === LONG_MAX) return { kind: 'stream-deleted' };
  if (expected === 'stream_exists') {
    if (known.isSoftDeleted(stream)) return { kind: 'stream-deleted' };
    if (current === NO_REVISION && known.currentRevision(metastreamOf(stream)) === NO_REVISION) {
      return { kind: 'wrong-expected-version', current };
    }
  }
  if (expected === 'any' || expected === 'stream_exists') return checkRecentIds(known, stream, current, ids);
  const revision = expected === 'no_stream' || expected === NO_STREAM_REVISION ? NO_REVISION : Number(expected);
  if (revision === current) return { kind: 'write', current };
  if (revision > current) return { kind: 'wrong-expected-version', current };
  return checkFollowing(known, stream, current, revision, ids);
}

function checkRecentIds(known: Known, stream: string, current: number, ids: string[]): CommitDecision {
  const revisions = ids.map((id) => known.revisionOf(id, stream));
  if (revisions[0] === undefined) return { kind: 'write', current };
  // Some are known and some are new: part of another append. It cannot be repeated, and must not be torn.
  if (revisions.includes(undefined)) return { kind: 'wrong-expected-version', current };
  return alreadyWritten(known, stream, revisions.at(-1) ?? current);
}

function checkFollowing(known: Known, stream: string, current: number, revision: number, ids: string[]): CommitDecision {
  const refused: CommitDecision = { kind: 'wrong-expected-version', current };
  for (const [index, id] of ids.entries()) {
    if (known.at(stream, revision + 1 + index)?.id === id) continue;
    const recreates = index === 0 && revision === NO_REVISION && known.isSoftDeleted(stream);
    return recreates ? { kind: 'write', current } : refused;
  }
  return ids.length === 0 ? refused : alreadyWritten(known, stream, revision + ids.length);
}

function alreadyWritten(known: Known, stream: string, revision: number): CommitDecision {
  const event = known.at(stream, revision);
  const visible = event && revision >= known.firstVisible(stream) && event.created >= known.oldestVisible(stream, Date.now());
  return { kind: 'already-written', revision, position: visible ? event.position : undefined };
}
