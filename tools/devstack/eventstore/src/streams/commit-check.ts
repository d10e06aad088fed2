import { LONG_MAX, metastreamOf, NO_REVISION, type ExpectedRevision } from '../records';
import type { EventLog } from '../storage/event-log';
import type { RecentIds } from './recent-ids';
import type { StreamCatalog } from './stream-catalog';

export type CommitDecision =
  | { kind: 'write'; current: number }
  | { kind: 'already-written'; revision: number; position: number | undefined }
  | { kind: 'wrong-expected-version'; current: number }
  | { kind: 'stream-deleted' };

export interface Known {
  readonly log: EventLog;
  readonly catalog: StreamCatalog;
  readonly recentIds: RecentIds;
}

/**
 * Whether events may be written. A current revision writes without looking at the ids; one below compares the ids with
 * the records that follow; ANY and STREAM_EXISTS look them up among the recent ones.
 */
export function checkCommit(known: Known, stream: string, expected: ExpectedRevision, ids: string[]): CommitDecision {
  const { catalog } = known;
  const current = catalog.currentRevision(stream);
  if (current === LONG_MAX) return { kind: 'stream-deleted' };
  if (expected === 'stream_exists') {
    if (catalog.isSoftDeleted(stream)) return { kind: 'stream-deleted' };
    if (current === NO_REVISION && catalog.currentRevision(metastreamOf(stream)) === NO_REVISION) {
      return { kind: 'wrong-expected-version', current };
    }
  }
  if (expected === 'any' || expected === 'stream_exists') return checkRecentIds(known, stream, current, ids);
  const revision = expected === 'no_stream' ? NO_REVISION : Number(expected);
  if (revision === current) return { kind: 'write', current };
  if (revision > current) return { kind: 'wrong-expected-version', current };
  return checkFollowing(known, stream, current, revision, ids);
}

function checkRecentIds(known: Known, stream: string, current: number, ids: string[]): CommitDecision {
  const revisions = ids.map((id) => known.recentIds.revisionOf(id, stream));
  if (revisions[0] === undefined) return { kind: 'write', current };
  // Some are known and some are new: part of another append. It cannot be repeated, and must not be torn.
  if (revisions.includes(undefined)) return { kind: 'wrong-expected-version', current };
  return alreadyWritten(known, stream, revisions.at(-1) ?? current);
}

function checkFollowing(known: Known, stream: string, current: number, revision: number, ids: string[]): CommitDecision {
  const { id: streamId } = known.catalog.get(stream);
  const refused: CommitDecision = { kind: 'wrong-expected-version', current };
  for (const [index, id] of ids.entries()) {
    const found = streamId === undefined ? undefined : known.log.at(streamId, revision + 1 + index);
    if (found?.id === id) continue;
    const recreates = index === 0 && revision === NO_REVISION && known.catalog.isSoftDeleted(stream);
    return recreates ? { kind: 'write', current } : refused;
  }
  return ids.length === 0 ? refused : alreadyWritten(known, stream, revision + ids.length);
}

function alreadyWritten({ log, catalog }: Known, stream: string, revision: number): CommitDecision {
  const { id } = catalog.get(stream);
  const event = id === undefined ? undefined : log.at(id, revision);
  const visible =
    event && revision >= catalog.firstVisible(stream) && event.created >= catalog.oldestVisible(stream, Date.now());
  return { kind: 'already-written', revision, position: visible ? event.position : undefined };
}
