import { StoresModule } from '@ferry/service-host/stores';
import { Module } from '@nestjs/common';
import { AssetOwners } from './asset-owners';
import { LinkParent } from './commands/link-parent/link-parent';
import { LinkParentController } from './commands/link-parent/link-parent.controller';
import { RebuildProjectionsController } from './commands/rebuild-projections/rebuild-projections.controller';
import { UnlinkParentController } from './commands/unlink-parent/unlink-parent.controller';
import { EdgesRunner } from './projections/edges-runner';
import { Graph } from './projections/graph';
import { LineageGraphController } from './queries/lineage-graph/lineage-graph.controller';
import { LinkParentsReactor } from './reactors/link-parents.reactor';

@Module({
  imports: [StoresModule],
  controllers: [LinkParentController, UnlinkParentController, LineageGraphController, RebuildProjectionsController],
  providers: [AssetOwners, Graph, EdgesRunner, LinkParentsReactor, LinkParent],
})
export class LineageModule {}
