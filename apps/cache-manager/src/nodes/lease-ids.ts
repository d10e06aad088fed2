import { randomUUID } from 'node:crypto';

const SEPARATOR = '.';

/** Names the node, so that whoever is asked about the lease knows where it is. */
export const newLeaseId = (nodeId: string): string => `${nodeId}${SEPARATOR}${randomUUID()}`;

export const nodeOfLease = (leaseId: string): string | undefined => {
  const at = leaseId.indexOf(SEPARATOR);
  return at < 0 ? undefined : leaseId.slice(0, at);
};
