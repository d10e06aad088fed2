import * as fc from 'fast-check';
import { ranked } from './rendezvous';

const nodes = fc.uniqueArray(fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,12}$/), { minLength: 1, maxLength: 12 });
const homeOf = (key: string, nodeIds: readonly string[]): string => ranked(key, nodeIds)[0]!;
const keys = Array.from({ length: 2_000 }, (_, number) => `asset-${number}`);

describe('the home of an asset', () => {
  it('does not depend on the order in which the nodes are known, and every node has its place', () => {
    fc.assert(
      fc.property(fc.uuid(), nodes, fc.infiniteStream(fc.nat()), (key, nodeIds, order) => {
        const shuffled = nodeIds.map((nodeId) => ({ nodeId, at: order.next().value as number })).sort((a, b) => a.at - b.at);
        const rank = ranked(key, nodeIds);
        expect(ranked(key, shuffled.map(({ nodeId }) => nodeId))).toEqual(rank);
        expect([...rank].sort()).toEqual([...nodeIds].sort());
      }),
    );
  });

  it('moves only for what a leaving node had, each to its next choice', () => {
    fc.assert(
      fc.property(fc.uuid(), nodes, fc.nat(), (key, nodeIds, which) => {
        const leaver = nodeIds[which % nodeIds.length]!;
        expect(ranked(key, nodeIds.filter((nodeId) => nodeId !== leaver))).toEqual(ranked(key, nodeIds).filter((nodeId) => nodeId !== leaver));
      }),
    );
  });

  it('moves only to the node that joins', () => {
    fc.assert(
      fc.property(fc.uuid(), nodes, (key, nodeIds) => {
        const joiner = 'Joiner';
        const after = homeOf(key, [...nodeIds, joiner]);
        expect([homeOf(key, nodeIds), joiner]).toContain(after);
      }),
    );
  });

  it.each([2, 3, 5, 10])('is shared evenly by %i nodes', (count) => {
    const nodeIds = Array.from({ length: count }, (_, number) => `cache-${number}`);
    const shares = new Map(nodeIds.map((nodeId) => [nodeId, 0]));
    for (const key of keys) {
      const home = homeOf(key, nodeIds);
      shares.set(home, shares.get(home)! + 1);
    }
    // Four standard deviations of so many fair throws.
    const fair = keys.length / count;
    const deviation = 4 * Math.sqrt(fair * (1 - 1 / count));
    for (const share of shares.values()) expect(Math.abs(share - fair)).toBeLessThan(deviation);
  });
});
