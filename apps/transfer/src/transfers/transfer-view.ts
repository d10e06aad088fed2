import type { ProviderUrl, TransferView } from '@ferry/contracts';
import { fold, parseRunId, transferIdOf, type RecordedEvent } from '@ferry/kernel';
import { transferDefinition, type RouteState, type TransferEvent } from '@ferry/domain/transfer';

/** The events of a route up to the end of one run: what follows belongs to later runs. */
const upTo = (events: readonly RecordedEvent<TransferEvent>[], transferId: string): TransferEvent[] => {
  const { subjectId: routeId, run } = parseRunId(transferId)!;
  const next = transferIdOf(routeId, run + 1);
  const plain = events as unknown as TransferEvent[];
  const end = plain.findIndex(({ type, data }) => type === 'TransferRequested' && data.transferId === next);
  return end < 0 ? plain : plain.slice(0, end);
};

const referenceOf = ({ reference, route }: RouteState, transferId: string): ProviderUrl | undefined => {
  if (!reference || !route || reference.referenceId !== transferId) return undefined;
  const { referenceId, forms, expiresAt } = reference;
  return { referenceId, ...route, forms, ...(expiresAt ? { expiresAt } : {}) };
};

/** A run as clients see it, from its route's events; undefined where the route never had it. */
export const transferView = (events: readonly RecordedEvent<TransferEvent>[], transferId: string): TransferView | undefined => {
  const state = fold(transferDefinition.decider, upTo(events, transferId));
  const { run, route } = state;
  if (!run || !route || run.transferId !== transferId) return undefined;
  const reference = referenceOf(state, transferId);
  const { subjectId: routeId } = parseRunId(transferId)!;
  const view: TransferView = { transferId, routeId, ...route, status: run.status, attempt: run.attempt, ...(reference ? { reference } : {}) };
  if (run.status !== 'failed' && run.status !== 'waiting') return view;
  const { kind, message } = run;
  const retryAfter = run.status === 'failed' ? run.retryAfter : run.retryAt;
  return { ...view, error: { kind, ...(message ? { message } : {}), ...(retryAfter ? { retryAfter } : {}) } };
};
