import type { LeaseManager } from '@ferry/coordination';
import { ASSET_CATEGORY, type AssetRegisteredData } from '@ferry/domain/asset/events';
import { lineageDefinition } from '@ferry/domain/lineage';
import { lineageStream } from '@ferry/domain/lineage/events';
import { metadataFor, type EventStore } from '@ferry/event-store';
import { FerryError, idInStream, type ParentLink, type RecordedEvent } from '@ferry/kernel';
import type { Logger } from '@ferry/observability';
import type { ReadModels, Runner } from '@ferry/read-models';
import { LOGGER } from '@ferry/service-host';
import { EVENT_STORE, LEASES, READ_MODELS } from '@ferry/service-host/stores';
import { Inject, Injectable } from '@nestjs/common';

/** Refusals that another try does not change. */
const FINAL = new Set(['SELF_LINK', 'LINK_DIFFERS']);

/** The parents that an asset was registered with become links, in their order. */
@Injectable()
export class LinkParentsReactor {
  readonly runner: Runner;

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(READ_MODELS) models: ReadModels,
    @Inject(LEASES) leases: LeaseManager,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const onEvent = (event: RecordedEvent) => this.react(event);
    this.runner = models.follow({ name: 'lineage-link-parents', prefixes: [ASSET_CATEGORY], onEvent }, store, leases);
  }

  private async react(event: RecordedEvent): Promise<void> {
    if (event.type !== 'AssetRegistered') return;
    for (const parent of (event.data as AssetRegisteredData).parents ?? []) await this.link(event, parent);
  }

  private async link(event: RecordedEvent, parent: ParentLink): Promise<void> {
    const childAssetId = idInStream(ASSET_CATEGORY, event.streamName)!;
    try {
      await this.store.handle({
        definition: lineageDefinition,
        stream: lineageStream(childAssetId),
        command: { type: 'LinkParent', data: { childAssetId, parent, asRegistered: true }, metadata: { now: event.created } },
        metadata: metadataFor({ owner: event.metadata.owner, actor: 'service:lineage', commandId: `reaction:lineage:${event.id}` }),
      });
    } catch (error) {
      if (!(error instanceof FerryError) || !FINAL.has(error.code)) throw error;
      this.logger.warn({ code: error.code, childAssetId, parentAssetId: parent.parentAssetId }, 'a parent could not be linked');
    }
  }
}
