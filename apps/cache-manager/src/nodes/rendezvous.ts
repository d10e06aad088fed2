import { createHash } from 'node:crypto';

/** Bytes of the hash that count: as many as a number holds exactly. */
const WEIGHT_BYTES = 6;

const weightOf = (key: string, nodeId: string): number => createHash('sha256').update(`${nodeId}\n${key}`).digest().readUIntBE(0, WEIGHT_BYTES);

/**
 * The nodes in the order in which they are to have the key, its home first (rendezvous hashing, highest weight first). Each node's
 * weight depends on the key and on itself alone: one that leaves moves only its own keys, each to its next node, and one that joins
 * takes only those whose home it becomes.
 */
export const ranked = (key: string, nodeIds: readonly string[]): readonly string[] =>
  nodeIds
    .map((nodeId) => ({ nodeId, weight: weightOf(key, nodeId) }))
    .sort((a, b) => b.weight - a.weight || (a.nodeId < b.nodeId ? -1 : 1))
    .map(({ nodeId }) => nodeId);
