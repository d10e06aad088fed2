import type { LinkParentRequest } from '@ferry/contracts';
import { lineageDefinition } from '@ferry/domain/lineage';
import { lineageStream } from '@ferry/domain/lineage/events';
import { metadataFor, type EventStore } from '@ferry/event-store';
import { defined, FerryError, type Token } from '@ferry/kernel';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { AssetOwners } from '../../asset-owners';
import { lineageServiceError } from '../../lineage.errors';
import { EdgesRunner } from '../../projections/edges-runner';
import { Graph } from '../../projections/graph';

/** Milliseconds to wait for earlier links to be seen. A cycle that is not seen in time is taken back afterwards. */
const SEEN_MS = 1_500;

@Injectable()
export class LinkParent {
  constructor(
    private readonly owners: AssetOwners,
    private readonly graph: Graph,
    private readonly edges: EdgesRunner,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** @throws FerryError UNKNOWN_ASSET, SELF_LINK, LINEAGE_CYCLE, LINK_DIFFERS, GRAPH_TOO_LARGE */
  async execute(request: LinkParentRequest): Promise<Token> {
    const { owner, assetId, parent } = request;
    await Promise.all([this.owners.mustOwn(owner, assetId), this.owners.mustOwn(owner, parent.parentAssetId)]);
    if (parent.parentAssetId !== assetId) await this.refuseCycle(owner, assetId, parent.parentAssetId);
    const { token } = await this.store.handle({
      definition: lineageDefinition,
      stream: lineageStream(assetId),
      command: { type: 'LinkParent', data: { childAssetId: assetId, parent: defined(parent) }, metadata: { now: new Date().toISOString() } },
      metadata: metadataFor(request),
    });
    return token;
  }

  private async refuseCycle(owner: string, childAssetId: string, parentAssetId: string): Promise<void> {
    await this.catchUp();
    const path = await this.graph.pathUp(owner, parentAssetId, childAssetId);
    if (path) throw lineageServiceError('LINEAGE_CYCLE', { path: [childAssetId, ...path] });
  }

  private async catchUp(): Promise<void> {
    try {
      await this.edges.runner.waitFor(await this.store.head(), SEEN_MS);
    } catch (error) {
      if (!(error instanceof FerryError) || error.code !== 'NOT_YET_VISIBLE') throw error;
    }
  }
}
