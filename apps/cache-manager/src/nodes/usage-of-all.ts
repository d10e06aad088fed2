import type { CacheNodeUsage, CacheUsage, HeldBytes } from '@ferry/contracts';

const NOTHING: HeldBytes = { leased: 0, pinned: 0, 'last-copy': 0, evictable: 0 };

const addHeld = (a: HeldBytes, b: HeldBytes): HeldBytes => ({
  leased: a.leased + b.leased,
  pinned: a.pinned + b.pinned,
  'last-copy': a['last-copy'] + b['last-copy'],
  evictable: a.evictable + b.evictable,
});

const add = (a: CacheNodeUsage, b: CacheNodeUsage): CacheNodeUsage => ({
  nodeId: a.nodeId,
  maxBytes: a.maxBytes + b.maxBytes,
  usedBytes: a.usedBytes + b.usedBytes,
  reservedBytes: a.reservedBytes + b.reservedBytes,
  files: a.files + b.files,
  leases: a.leases + b.leases,
  heldBytes: addHeld(a.heldBytes, b.heldBytes),
  yours: addHeld(a.yours, b.yours),
});

/** Asks all nodes at once; what does not answer is named. */
export const usageOfAll = async (nodeId: string, others: readonly string[], ask: (nodeId: string) => Promise<CacheNodeUsage>): Promise<CacheUsage> => {
  const nodeIds = [nodeId, ...others];
  const answers = await Promise.allSettled(nodeIds.map(ask));
  const nodes = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  const none: CacheNodeUsage = { nodeId, maxBytes: 0, usedBytes: 0, reservedBytes: 0, files: 0, leases: 0, heldBytes: NOTHING, yours: NOTHING };
  return { ...nodes.reduce(add, none), nodes, silentNodes: nodeIds.filter((_, at) => answers[at]?.status === 'rejected') };
};
