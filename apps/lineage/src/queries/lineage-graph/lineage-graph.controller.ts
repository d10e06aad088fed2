import { LineageGraphRequest, SUBJECTS, type LineageGraph } from '@ferry/contracts';
import { ASSET_CATEGORY } from '@ferry/domain/asset/events';
import { LINEAGE_CATEGORY } from '@ferry/domain/lineage/events';
import type { EventStore } from '@ferry/event-store';
import type { Token } from '@ferry/kernel';
import { EVENT_STORE } from '@ferry/service-host/stores';
import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { AssetOwners } from '../../asset-owners';
import { EdgesRunner } from '../../projections/edges-runner';
import { Graph } from '../../projections/graph';
import { LinkParentsReactor } from '../../reactors/link-parents.reactor';

/** Milliseconds that a query waits for what its caller has written. */
const VISIBLE_MS = 3_000;

@Controller()
export class LineageGraphController {
  constructor(
    private readonly owners: AssetOwners,
    private readonly graph: Graph,
    private readonly edges: EdgesRunner,
    private readonly parents: LinkParentsReactor,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  @MessagePattern(SUBJECTS.lineage.graph)
  async get(@Payload() { owner, assetId, direction, depth, atLeast }: LineageGraphRequest): Promise<LineageGraph> {
    await this.owners.mustOwn(owner, assetId);
    await this.reach(atLeast);
    return { assetId, edges: await this.graph.around(owner, assetId, direction, depth) };
  }

  /** A registration is visible here when its parents have become links. */
  private async reach(atLeast: Token | undefined): Promise<void> {
    if (atLeast?.stream.startsWith(LINEAGE_CATEGORY)) await this.edges.runner.waitFor(atLeast.position, VISIBLE_MS);
    if (!atLeast?.stream.startsWith(ASSET_CATEGORY)) return;
    await this.parents.runner.waitFor(atLeast.position, VISIBLE_MS);
    await this.edges.runner.waitFor(await this.store.head(), VISIBLE_MS);
  }
}
