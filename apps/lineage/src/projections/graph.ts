import type { LineageDirection, LineageEdge } from '@ferry/contracts';
import type { ReadModels } from '@ferry/read-models';
import { READ_MODELS } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { lineageServiceError } from '../lineage.errors';
import { edges, type EdgeDocument } from './edges.projection';

/** One answer has at most this many edges. */
const MAX_EDGES = 10_000;
/** Assets whose edges one query asks for. */
const AT_ONCE = 500;

/** Which end of an edge is known, and which end is looked for. */
const UP = { from: 'childAssetId', to: 'parentAssetId' } as const;
const DOWN = { from: 'parentAssetId', to: 'childAssetId' } as const;
type Way = typeof UP | typeof DOWN;

/** The links that are part of the graph, walked level by level: what it costs grows with the answer. */
@Injectable()
export class Graph {
  constructor(@Inject(READ_MODELS) private readonly models: ReadModels) {}

  /**
   * The edges within `depth` links of the asset, the nearest first.
   * @throws FerryError GRAPH_TOO_LARGE
   */
  async around(owner: string, assetId: string, direction: LineageDirection, depth: number): Promise<LineageEdge[]> {
    const ways = direction === 'both' ? [UP, DOWN] : direction === 'ancestors' ? [UP] : [DOWN];
    const found: EdgeDocument[] = [];
    for (const way of ways) {
      for await (const level of this.levels(owner, assetId, way, depth)) found.push(...level);
      if (found.length > MAX_EDGES) throw lineageServiceError('GRAPH_TOO_LARGE', { assetId, maxEdges: MAX_EDGES });
    }
    return found.map(({ owner: _, status: _status, ...edge }) => edge);
  }

  /** The assets from `assetId` up to `ancestorId`, both included; undefined where it is no ancestor. */
  async pathUp(owner: string, assetId: string, ancestorId: string): Promise<string[] | undefined> {
    const cameFrom = new Map<string, string>();
    for await (const level of this.levels(owner, assetId, UP, Infinity)) {
      for (const { childAssetId, parentAssetId } of level) if (!cameFrom.has(parentAssetId)) cameFrom.set(parentAssetId, childAssetId);
      if (!cameFrom.has(ancestorId)) continue;
      const path = [ancestorId];
      while (path[0] !== assetId) path.unshift(cameFrom.get(path[0]!)!);
      return path;
    }
    return undefined;
  }

  private async *levels(owner: string, assetId: string, way: Way, depth: number): AsyncGenerator<EdgeDocument[]> {
    const visited = new Set([assetId]);
    let edgesLeft = MAX_EDGES;
    let frontier = [assetId];
    for (let level = 1; level <= depth && frontier.length; level += 1) {
      const found = await this.edgesOf(owner, frontier, way, edgesLeft + 1);
      edgesLeft -= found.length;
      if (edgesLeft < 0) throw lineageServiceError('GRAPH_TOO_LARGE', { assetId, maxEdges: MAX_EDGES });
      yield found;
      frontier = [...new Set(found.map((edge) => edge[way.to]))].filter((id) => !visited.has(id));
      for (const id of frontier) visited.add(id);
    }
  }

  private async edgesOf(owner: string, assetIds: readonly string[], way: Way, limit: number): Promise<EdgeDocument[]> {
    const found: EdgeDocument[] = [];
    for (let at = 0; at < assetIds.length && found.length < limit; at += AT_ONCE) {
      const documents = await this.models
        .collection(edges)
        .find({ owner, status: 'linked', [way.from]: { $in: assetIds.slice(at, at + AT_ONCE) } })
        .sort({ childAssetId: 1, sequenceOrder: 1, _id: 1 })
        .limit(limit - found.length)
        .toArray();
      found.push(...documents.map(({ _id, _position, ...edge }) => edge));
    }
    return found;
  }
}
