import { randomUUID } from 'node:crypto';
import {
  isMetastream, LONG_MAX, METADATA_TYPE, metastreamOf, NO_REVISION, originalOf, TOMBSTONE_TYPE,
  type ExpectedRevision, type ProposedEvent,
} from '../records';
import { checkCommit, type CommitDecision } from './commit-check';
import type { Draft } from './draft';
import { mayBeReadElsewhere, SOFT_DELETE_METADATA, withTruncateBefore } from './stream-metadata';

export interface WriteRequest {
  readonly kind: 'append' | 'delete' | 'tombstone';
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly ProposedEvent[];
}

export type WriteResult =
  | { kind: 'written'; revision: number; position: number | undefined }
  | Exclude<CommitDecision, { kind: 'write' | 'already-written' }>
  | { kind: 'failed' | 'not-supported'; reason: string };

export const metadataEvent = (data: Uint8Array): ProposedEvent =>
  ({ id: randomUUID(), type: METADATA_TYPE, isJson: true, data, metadata: Buffer.alloc(0) });

const tombstoneEvent = (): ProposedEvent =>
  ({ id: randomUUID(), type: TOMBSTONE_TYPE, isJson: false, data: Buffer.alloc(0), metadata: Buffer.alloc(0) });

/** Decides one write and puts what it writes into the draft. The result holds once the draft is durable. */
export function applyWrite(draft: Draft, request: WriteRequest): WriteResult {
  const { kind, stream, expected } = request;
  const events = kind === 'append' ? request.events : [];
  const ids = kind === 'append' ? events.map(({ id }) => id) : [randomUUID()];
  const decision = checkCommit(draft, stream, expected, ids);
  if (decision.kind === 'already-written') return { ...decision, kind: 'written' };
  if (decision.kind !== 'write') return decision;
  if (kind === 'append') return append(draft, stream, decision.current, events);
  if (kind === 'tombstone') return { kind: 'written', revision: LONG_MAX, position: insert(draft, stream, LONG_MAX, [tombstoneEvent()]) };
  if (!everWritten(draft, stream)) return { kind: 'wrong-expected-version', current: NO_REVISION };
  return { kind: 'written', revision: decision.current, position: writeMetadata(draft, stream, SOFT_DELETE_METADATA) };
}

const everWritten = (draft: Draft, stream: string): boolean =>
  [stream, metastreamOf(stream)].some((name) => draft.currentRevision(name) !== NO_REVISION);

function append(draft: Draft, stream: string, current: number, events: readonly ProposedEvent[]): WriteResult {
  if (isMetastream(stream) && events.some(mayBeReadElsewhere)) {
    return { kind: 'not-supported', reason: 'stream metadata that is no JSON is not supported by the embedded server: EventStoreDB reads some of it' };
  }
  const recreates = draft.isSoftDeleted(stream);
  const undeletes = isMetastream(stream) && draft.isSoftDeleted(originalOf(stream));
  const position = insert(draft, stream, current + 1, events);
  // Even an append of nothing brings a deleted stream back.
  if (recreates) writeMetadata(draft, stream, Buffer.from(`{"$tb":${current + 1}}`));
  if (undeletes) undelete(draft, originalOf(stream), events.at(-1)?.data ?? SOFT_DELETE_METADATA);
  return { kind: 'written', revision: current + events.length, position };
}

/** New metadata for a soft-deleted stream brings it back: its old events stay hidden. */
function undelete(draft: Draft, stream: string, metadata: Uint8Array): void {
  const changed = withTruncateBefore(metadata, draft.get(stream).last + 1);
  if (changed) writeMetadata(draft, stream, changed);
}

function writeMetadata(draft: Draft, stream: string, data: Uint8Array): number {
  const metastream = metastreamOf(stream);
  return insert(draft, metastream, draft.get(metastream).last + 1, [metadataEvent(data)]);
}

/** Returns the position of the last event. */
function insert(draft: Draft, stream: string, firstRevision: number, events: readonly ProposedEvent[]): number {
  draft.insert(stream, firstRevision, events);
  return draft.lastPosition;
}
