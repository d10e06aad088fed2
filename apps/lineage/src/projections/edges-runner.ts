import type { LeaseManager } from '@ferry/coordination';
import { lineageDefinition } from '@ferry/domain/lineage';
import { LINEAGE_CATEGORY, type OrderedParentLink, type ParentLinkKey } from '@ferry/domain/lineage/events';
import { metadataFor, type EventStore } from '@ferry/event-store';
import { FerryError, idInStream, type RecordedEvent } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
import type { ReadModels, Runner } from '@ferry/read-models';
import { LOGGER } from '@ferry/service-host';
import { EVENT_STORE, LEASES, READ_MODELS } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';
import { edges } from './edges.projection';
import { Graph } from './graph';

const isSameLink = (a: ParentLinkKey, b: ParentLinkKey): boolean =>
  a.parentAssetId === b.parentAssetId && a.relationType === b.relationType && a.sequenceOrder === b.sequenceOrder;

type Apply = (event: RecordedEvent) => Promise<void>;

/**
 * Keeps the edges. All links come by here one after the other, in the order of the log: of two that were made at the same
 * time and close a cycle, the later never enters the graph and is unlinked.
 */
@Injectable()
export class EdgesRunner {
  readonly runner: Runner;

  constructor(
    private readonly graph: Graph,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(READ_MODELS) private readonly models: ReadModels,
    @Inject(LEASES) leases: LeaseManager,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.runner = models.project(edges, store, leases, (event, apply) => this.handle(event, apply));
  }

  private async handle(event: RecordedEvent, apply: Apply): Promise<void> {
    if (event.type !== 'ParentLinked') return apply(event);
    const known = await this.models.collection(edges).findOne({ _id: edges.ids(event)[0] });
    if (known && known._position > event.position) return;
    const isRefused = known?._position === event.position ? known.status === 'refused' : await this.closesCycle(event);
    if (!isRefused) return apply(event);
    await apply({ ...event, type: 'ParentLinkRefused' });
    await this.unlink(event);
  }

  private async closesCycle({ streamName, metadata: { owner }, data }: RecordedEvent): Promise<boolean> {
    const childAssetId = idInStream(LINEAGE_CATEGORY, streamName)!;
    try {
      return (await this.graph.pathUp(owner, (data as OrderedParentLink).parentAssetId, childAssetId)) !== undefined;
    } catch (error) {
      if (!(error instanceof FerryError) || error.code !== 'GRAPH_TOO_LARGE') throw error;
      this.logger.warn({ childAssetId }, 'too many ancestors to look for a cycle; the link is kept out of the graph');
      return true;
    }
  }

  private async unlink(event: RecordedEvent): Promise<void> {
    const { parentAssetId, relationType, sequenceOrder } = event.data as OrderedParentLink;
    if (await this.isUnlinkedSince(event)) return;
    await this.store.handle({
      definition: lineageDefinition,
      stream: event.streamName,
      command: { type: 'UnlinkParent', data: { parentAssetId, relationType, sequenceOrder }, metadata: { now: event.created } },
      metadata: metadataFor({ owner: event.metadata.owner, actor: 'service:lineage', commandId: `reaction:lineage:${event.id}` }),
    });
    this.logger.info({ stream: event.streamName, parentAssetId }, 'a link closed a cycle and was taken back');
  }

  /** A rebuild comes by here years later: the same link may have been made again, rightly. */
  private async isUnlinkedSince(event: RecordedEvent): Promise<boolean> {
    const later = await this.store.read(event.streamName, { from: event.revision + 1 });
    return later.some(({ type, data }) => type === 'ParentUnlinked' && isSameLink(data as ParentLinkKey, event.data as OrderedParentLink));
  }
}
