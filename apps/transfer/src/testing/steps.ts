import { transferStream } from '@ferry/domain/transfer/events';
import { parseRunId } from '@ferry/kernel';
import { eventually } from '@ferry/testing/specs';
import type { Rig } from './rig';

export const streamOf = (transferId: string) => transferStream(parseRunId(transferId)!.subjectId);
export const count = (types: readonly string[], type: string) => types.filter((candidate) => candidate === type).length;

/** A resolve of a route that nobody has asked for: the id of its run. */
export const pending = async (rig: Rig, assetId: string) => {
  const answer = await rig.resolve(assetId, 'sora');
  if (answer.status !== 'pending') throw new Error('the route was known already');
  return answer.transferId;
};

/** Waits for an event of this type in the stream. */
export const until = (rig: Rig, stream: string, type: string, timeoutMs = 25_000) =>
  eventually(async () => expect(await rig.types(stream)).toContain(type), { timeoutMs });
