import type { CopyLocation } from '@ferry/kernel';
import type { CacheIndex } from '../cache/cache-index';
import { ACTOR } from '../cache/cache-log';
import type { LiveNodes } from './live-nodes';
import type { NodeLink } from './node-link';

/** Milliseconds for a node to look at its file. */
const CONFIRM_MS = 2_000;

/** Copies of files on other live nodes. */
export class NodeCopies {
  constructor(
    private readonly index: CacheIndex,
    private readonly nodes: LiveNodes,
    private readonly link: NodeLink,
  ) {}

  /** A copy on another node that has looked at its file just now. */
  async find(assetId: string): Promise<Extract<CopyLocation, { from: 'node' }> | undefined> {
    const owner = this.index.ownerOf(assetId);
    const others = this.nodes.others();
    const holders = this.index.holders(assetId).filter((nodeId) => others.includes(nodeId));
    for (const nodeId of owner === undefined ? [] : holders) {
      const { holds } = await this.link.ask(nodeId, 'confirm', { owner: owner!, actor: ACTOR, assetId }, { timeoutMs: CONFIRM_MS });
      if (holds) return { from: 'node', nodeId };
    }
    return undefined;
  }
}
