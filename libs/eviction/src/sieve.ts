import type { EvictableFile, EvictionPolicy } from './policy';

interface Node {
  readonly assetId: string;
  visited: boolean;
  held: boolean;
  newer?: Node;
  older?: Node;
}

/**
 * SIEVE (Y. Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024): files stand in the order in which they came. A hand goes from
 * the oldest to the newest and then starts over; a file that was used since it passed is spared once, the first that was not
 * is the next. A use only marks the file, so minutes do not count here, and told again after a start, files stand in the order
 * of the puts. A held file stands in no list, so that the hand never walks over it; released, it is the newest, marked as it
 * was. O(1), of `next` on the average.
 */
export class SievePolicy implements EvictionPolicy {
  private readonly nodes = new Map<string, Node>();
  private newest?: Node;
  private oldest?: Node;
  private hand?: Node;

  get size(): number {
    return this.nodes.size;
  }

  put({ assetId }: EvictableFile): void {
    if (this.nodes.has(assetId)) return this.touch(assetId);
    const node: Node = { assetId, visited: false, held: false, newer: undefined, older: undefined };
    this.nodes.set(assetId, node);
    this.link(node);
  }

  touch(assetId: string): void {
    const node = this.nodes.get(assetId);
    if (node) node.visited = true;
  }

  remove(assetId: string): void {
    this.hold(assetId);
    this.nodes.delete(assetId);
  }

  hold(assetId: string): void {
    const node = this.nodes.get(assetId);
    if (!node || node.held) return;
    node.held = true;
    this.unlink(node);
  }

  release(assetId: string): void {
    const node = this.nodes.get(assetId);
    if (!node?.held) return;
    node.held = false;
    this.link(node);
  }

  next(): string | undefined {
    let node = this.hand ?? this.oldest;
    while (node?.visited) {
      node.visited = false;
      node = node.newer ?? this.oldest;
    }
    this.hand = node;
    return node?.assetId;
  }

  private link(node: Node): void {
    node.older = this.newest;
    if (this.newest) this.newest.newer = node;
    else this.oldest = node;
    this.newest = node;
  }

  /** The hand goes on to the newer one; beyond the newest it starts over. */
  private unlink(node: Node): void {
    const { newer, older } = node;
    if (this.hand === node) this.hand = newer;
    if (newer) newer.older = older;
    else this.newest = older;
    if (older) older.newer = newer;
    else this.oldest = newer;
    node.newer = undefined;
    node.older = undefined;
  }
}
